"""The sentences of the plain pages: English, which is the key, then Russian and Vietnamese.

A dictionary and not Flask-Babel: some hundred sentences without plurals need neither catalogues to be compiled nor
locale data of megabytes, and a test sees that none is missing.
"""

TEXTS: dict[str, tuple[str, str]] = {
    # Every page
    "Language": ("Язык", "Ngôn ngữ"),
    "Cameras": ("Камеры", "Camera"),
    # /login
    "Sign in": ("Вход", "Đăng nhập"),
    "Sign in now": ("Войти", "Đăng nhập"),
    "Name": ("Имя", "Tên"),
    "Password": ("Пароль", "Mật khẩu"),
    "Code": ("Код", "Mã"),
    "Your password is right. Now the code that your authenticator app shows; a recovery code will do too.": (
        "Пароль верен. Теперь введите код из приложения-аутентификатора; подойдёт и код восстановления.",
        "Mật khẩu đúng. Bây giờ hãy nhập mã trong ứng dụng xác thực; mã khôi phục cũng được.",
    ),
    "Your password holds for one sign-in. Choose one that only you know: at least 12 characters, as some words "
    "together.": (
        "Этот пароль действует на один вход. Придумайте свой, известный только вам: не меньше 12 символов, например "
        "несколько слов подряд.",
        "Mật khẩu này chỉ dùng được một lần đăng nhập. Hãy đặt mật khẩu chỉ mình bạn biết: ít nhất 12 ký tự, ví dụ vài "
        "từ ghép lại.",
    ),
    "New password": ("Новый пароль", "Mật khẩu mới"),
    "The same again": ("Ещё раз", "Nhập lại"),
    "Change and sign in": ("Сменить и войти", "Đổi và đăng nhập"),
    "No account, or the password forgotten? An admin makes a new one: {command}.": (
        "Нет учётной записи или забыт пароль? Администратор задаст новый: {command}.",
        "Chưa có tài khoản hoặc quên mật khẩu? Quản trị viên sẽ cấp mật khẩu mới: {command}.",
    ),
    "Begin again": ("Начать заново", "Bắt đầu lại"),
    # /account
    "Account": ("Учётная запись", "Tài khoản"),
    "Nobody is signed in here: you are {name}.": (
        "Здесь никто не вошёл: вы — {name}.",
        "Chưa có ai đăng nhập ở đây: bạn là {name}.",
    ),
    "You are {name}, {role}, and may see all cameras.": (
        "Вы — {name}, {role}; вам видны все камеры.",
        "Bạn là {name}, {role}, được xem tất cả camera.",
    ),
    "You are {name}, {role}, and may see cameras: {count}.": (
        "Вы — {name}, {role}; видно камер: {count}.",
        "Bạn là {name}, {role}; số camera được xem: {count}.",
    ),
    "viewer": ("наблюдатель", "người xem"),
    "operator": ("оператор", "người vận hành"),
    "admin": ("администратор", "quản trị viên"),
    "analyser": ("анализатор", "bộ phân tích"),
    "Sign out": ("Выйти", "Đăng xuất"),
    "Recovery codes": ("Коды восстановления", "Mã khôi phục"),
    "A code of your app is asked for from now on. Each of these stands in its place once. Print them, or write them "
    "down: they are not shown again.": (
        "Теперь при входе нужен код из приложения. Каждый из этих кодов заменит его один раз. Распечатайте или "
        "запишите их: больше они не покажутся.",
        "Từ nay khi đăng nhập sẽ cần mã của ứng dụng. Mỗi mã dưới đây thay thế được một lần. Hãy in hoặc ghi lại: "
        "chúng sẽ không hiện lại nữa.",
    ),
    "Old password": ("Старый пароль", "Mật khẩu cũ"),
    "New password, at least 12 characters": ("Новый пароль, не меньше 12 символов", "Mật khẩu mới, ít nhất 12 ký tự"),
    "Change the password": ("Сменить пароль", "Đổi mật khẩu"),
    "Authenticator app": ("Приложение-аутентификатор", "Ứng dụng xác thực"),
    "A code is asked for after your password.": (
        "После пароля спрашивается код.",
        "Sau mật khẩu, hệ thống sẽ hỏi mã xác thực.",
    ),
    "Your password": ("Ваш пароль", "Mật khẩu của bạn"),
    "Ask for no code any more": ("Больше не спрашивать код", "Không hỏi mã nữa"),
    "Give this secret to your app; on a telephone, {link}. It is not shown again.": (
        "Передайте этот секрет приложению; на телефоне — {link}. Больше он не покажется.",
        "Nhập khóa bí mật này vào ứng dụng; trên điện thoại, {link}. Khóa sẽ không hiện lại nữa.",
    ),
    "open it there": ("откройте его там", "mở nó tại đó"),
    "The app waits for its first code. Is the secret lost, ask for a new one below.": (
        "Приложение ждёт первого кода. Если секрет утерян, запросите новый ниже.",
        "Ứng dụng đang chờ mã đầu tiên. Nếu mất khóa bí mật, hãy xin khóa mới bên dưới.",
    ),
    "The code that the app shows now": ("Код, который сейчас показывает приложение", "Mã ứng dụng đang hiển thị"),
    "Ask for a code from now on": ("Спрашивать код при входе", "Yêu cầu mã từ bây giờ"),
    "Set up an app": ("Подключить приложение", "Thiết lập ứng dụng"),
    "Sessions": ("Сеансы", "Phiên đăng nhập"),
    "Begun": ("Начат", "Bắt đầu"),
    "From": ("Откуда", "Từ địa chỉ"),
    "Browser": ("Браузер", "Trình duyệt"),
    "Action": ("Действие", "Thao tác"),
    "this one": ("этот сеанс", "phiên này"),
    "End": ("Завершить", "Kết thúc"),
    "End all others": ("Завершить все остальные", "Kết thúc tất cả phiên khác"),
    "Tokens of programs": ("Токены программ", "Token của chương trình"),
    "Tokens are made and revoked on {link}.": (
        "Токены создают и отзывают на странице {link}.",
        "Tạo và thu hồi token tại {link}.",
    ),
    "System → Tokens": ("Система → Токены", "Hệ thống → Token"),
    "Role": ("Роль", "Vai trò"),
    "Until": ("До", "Đến"),
    "Last used": ("Последнее использование", "Lần dùng cuối"),
    "There are none.": ("Их нет.", "Không có."),
    "never": ("никогда", "chưa bao giờ"),
    "over": ("не действует", "hết hiệu lực"),
    "it is revoked": ("пока не отозван", "khi bị thu hồi"),
    "Your password is changed, and all other sessions are ended.": (
        "Пароль изменён, все остальные сеансы завершены.",
        "Đã đổi mật khẩu và kết thúc mọi phiên khác.",
    ),
    "No code is asked for any more.": ("Код больше не спрашивается.", "Hệ thống không hỏi mã nữa."),
    "All other sessions are ended.": ("Все остальные сеансы завершены.", "Đã kết thúc mọi phiên khác."),
    "The session is ended.": ("Сеанс завершён.", "Đã kết thúc phiên."),
    # A refused form
    "{status}. Nothing was changed.": ("{status}. Ничего не изменено.", "{status}. Không có gì thay đổi."),
    "Bad Request": ("Неверный запрос", "Yêu cầu không hợp lệ"),
    "Unauthorized": ("Нужен вход", "Cần đăng nhập"),
    "Forbidden": ("Запрещено", "Không được phép"),
    "There is no such page": ("Такой страницы нет", "Không có trang này"),
    "The address is mistyped, or the link is old.": (
        "Адрес набран с ошибкой, или ссылка устарела.",
        "Địa chỉ bị gõ sai hoặc liên kết đã cũ.",
    ),
    "Not Found": ("Не найдено", "Không tìm thấy"),
    "Conflict": ("Конфликт", "Xung đột"),
    "Gone": ("Больше не существует", "Không còn tồn tại"),
    "Request Entity Too Large": ("Слишком большой запрос", "Yêu cầu quá lớn"),
    "Unsupported Media Type": ("Неподдерживаемый тип данных", "Kiểu dữ liệu không được hỗ trợ"),
    "Unprocessable Entity": ("Неверные данные", "Dữ liệu không hợp lệ"),
    "Too Many Requests": ("Слишком много запросов", "Quá nhiều yêu cầu"),
    "Service Unavailable": ("Служба недоступна", "Dịch vụ không sẵn sàng"),
    "Error": ("Ошибка", "Lỗi"),
    # Share links
    "Shared recording": ("Запись по ссылке", "Bản ghi được chia sẻ"),
    "{begin} to {end}": ("{begin} — {end}", "{begin} đến {end}"),
    "The recording": ("Запись", "Bản ghi"),
    "The recording cannot be played now: the link has ended, or your browser does not know its format.": (
        "Сейчас запись не воспроизвести: ссылка больше не действует или браузер не знает этого формата.",
        "Hiện không phát được bản ghi: liên kết đã hết hạn, hoặc trình duyệt không hỗ trợ định dạng này.",
    ),
    "Try again": ("Попробовать ещё раз", "Thử lại"),
    "Download": ("Скачать", "Tải xuống"),
    "Nothing of this span is there: nothing was recorded, or it is not kept any more.": (
        "За это время ничего нет: запись не велась или уже не хранится.",
        "Không có gì trong khoảng này: không được ghi, hoặc không còn được lưu.",
    ),
    "Nothing was recorded": ("Запись не велась", "Không được ghi"),
    "The video leaves these times out.": (
        "Эти промежутки в видео пропущены.",
        "Video bỏ qua các khoảng thời gian này.",
    ),
    "This page works until {time}.": ("Страница действует до {time}.", "Trang này dùng được đến {time}."),
    "Somebody has shared a piece of video with you. It is meant for you alone: do not pass the link on.": (
        "С вами поделились фрагментом видео. Он предназначен только вам: не пересылайте ссылку.",
        "Có người đã chia sẻ với bạn một đoạn video. Đoạn này chỉ dành cho bạn: đừng chuyển tiếp liên kết.",
    ),
    "Password of this link": ("Пароль ссылки", "Mật khẩu của liên kết"),
    "Open": ("Открыть", "Mở"),
    "Opening is counted and written down, with the address that you come from.": (
        "Открытие учитывается и записывается вместе с адресом, с которого вы пришли.",
        "Lần mở được đếm và ghi lại cùng địa chỉ mạng của bạn.",
    ),
    "This is not the password of this link.": ("Пароль ссылки неверен.", "Sai mật khẩu của liên kết."),
    "This link does not work": ("Ссылка не работает", "Liên kết không hoạt động"),
    "This link does not work any more": ("Ссылка больше не работает", "Liên kết không còn hoạt động"),
    "It has run out, was opened as often as it may be, or was taken back.": (
        "Срок истёк, число открытий исчерпано или ссылку отозвали.",
        "Liên kết đã hết hạn, đã mở đủ số lần, hoặc đã bị thu hồi.",
    ),
    "Check that the whole address was copied.": (
        "Проверьте, что адрес скопирован целиком.",
        "Hãy kiểm tra địa chỉ đã được sao chép đầy đủ chưa.",
    ),
    "Ask whoever sent it to you for a new one.": (
        "Попросите новую у того, кто её прислал.",
        "Hãy xin liên kết mới từ người đã gửi cho bạn.",
    ),
    # /test/img, /test/video
    "Test picture": ("Тестовая картинка", "Ảnh thử"),
    "Test video": ("Тестовое видео", "Video thử"),
    "A generated picture with the server's clock. When it shows the right time, pictures work end to end.": (
        "Созданная сервером картинка с его часами. Если время верное, картинки работают от начала до конца.",
        "Ảnh do máy chủ tạo, có đồng hồ của máy chủ. Nếu giờ đúng thì hình ảnh hoạt động trọn vẹn.",
    ),
    "Colour bars and the clock of the server": ("Цветные полосы и часы сервера", "Các dải màu và đồng hồ máy chủ"),
}
