"""What goes wrong on the plain pages, in Russian and Vietnamese: the messages of errors, whole or by a pattern.

A message that stands in neither is shown in English.
"""

PROBLEMS: dict[str, tuple[str, str]] = {
    "name or password is wrong": ("Неверное имя или пароль.", "Sai tên hoặc mật khẩu."),
    "a code of the authenticator app is needed, or one of the recovery codes": (
        "Нужен код из приложения-аутентификатора или код восстановления.",
        "Cần mã của ứng dụng xác thực hoặc một mã khôi phục.",
    ),
    "the password holds for one sign-in: choose a new one": (
        "Пароль действует на один вход: задайте новый.",
        "Mật khẩu chỉ dùng cho một lần đăng nhập: hãy đặt mật khẩu mới.",
    ),
    "the code is wrong, has run out, or was used already": (
        "Код неверен, устарел или уже использован.",
        "Mã sai, đã hết hạn hoặc đã được dùng.",
    ),
    "the code is wrong, or has run out": ("Код неверен или устарел.", "Mã sai hoặc đã hết hạn."),
    "give name and password first": ("Сначала введите имя и пароль.", "Hãy nhập tên và mật khẩu trước."),
    "give name and password again": ("Введите имя и пароль ещё раз.", "Hãy nhập lại tên và mật khẩu."),
    "the new password was typed in two ways": (
        "Новый пароль введён по-разному.",
        "Hai lần nhập mật khẩu mới không giống nhau.",
    ),
    "this is not your password": ("Это не ваш пароль.", "Đây không phải mật khẩu của bạn."),
    "this is the old password: choose another": (
        "Это старый пароль: выберите другой.",
        "Đây là mật khẩu cũ: hãy chọn mật khẩu khác.",
    ),
    "a password has no control characters: some keyboards and forms lose them": (
        "В пароле не может быть управляющих символов: часть клавиатур и форм их теряет.",
        "Mật khẩu không được có ký tự điều khiển: một số bàn phím và biểu mẫu làm mất chúng.",
    ),
    "the password is little more than the name of the account: choose another": (
        "Пароль почти совпадает с именем учётной записи: выберите другой.",
        "Mật khẩu gần như trùng với tên tài khoản: hãy chọn mật khẩu khác.",
    ),
    "the password repeats itself: use at least 5 different characters, not a row of them": (
        "Пароль повторяется: нужно не меньше 5 разных символов, и не подряд.",
        "Mật khẩu bị lặp: hãy dùng ít nhất 5 ký tự khác nhau, không liên tiếp.",
    ),
    "the password is among the most common ones, which are tried first: choose another": (
        "Это один из самых частых паролей, их пробуют первыми: выберите другой.",
        "Đây là một trong những mật khẩu phổ biến nhất, bị thử đầu tiên: hãy chọn mật khẩu khác.",
    ),
    "too many sign in at this moment: try again in some seconds": (
        "Сейчас входит слишком много людей: попробуйте через несколько секунд.",
        "Quá nhiều người đang đăng nhập: hãy thử lại sau vài giây.",
    ),
    "nobody is signed in to an account here: open /login": (
        "Здесь никто не вошёл: откройте /login.",
        "Chưa có tài khoản nào đăng nhập ở đây: hãy mở /login.",
    ),
    "an authenticator is in use: take it away first": (
        "Аутентификатор уже подключён: сначала отключите его.",
        "Đang dùng một ứng dụng xác thực: hãy gỡ nó trước.",
    ),
    "no authenticator waits for its first code: ask for a secret first": (
        "Ни один аутентификатор не ждёт первого кода: сначала запросите секрет.",
        "Không có ứng dụng xác thực nào chờ mã đầu tiên: hãy xin khóa bí mật trước.",
    ),
    "there is no such form": ("Такой формы нет.", "Không có biểu mẫu như vậy."),
    "a page of another site may not do this": (
        "Странице другого сайта это запрещено.",
        "Trang của một website khác không được làm việc này.",
    ),
    "the database cannot be used now; the server's log says why": (
        "База данных сейчас недоступна; причина — в журнале сервера.",
        "Hiện không dùng được cơ sở dữ liệu; nhật ký máy chủ ghi lý do.",
    ),
}
PATTERNS: dict[str, tuple[str, str]] = {
    r"too many attempts failed: try again in (?P<seconds>\d+) s": (
        "Слишком много неудачных попыток: попробуйте через {seconds} с.",
        "Quá nhiều lần thất bại: hãy thử lại sau {seconds} giây.",
    ),
    r"these are more than (?P<most>\d+) .* within (?P<span>.*): wait, then try again": (
        "Слишком много запросов (больше {most}): подождите и попробуйте ещё раз.",
        "Quá nhiều yêu cầu (hơn {most}): hãy chờ rồi thử lại.",
    ),
    r"a password has (?P<least>\d+) to (?P<most>\d+) characters, this one (?P<length>\d+); .*": (
        "В пароле должно быть от {least} до {most} символов, здесь {length}; хорошо подходят несколько слов.",
        "Mật khẩu có từ {least} đến {most} ký tự, mật khẩu này có {length}; nên ghép vài từ lại.",
    ),
    r"the (?:body|header)'s \S+ is not what the cookie csrftoken has, or it has run out: .*": (
        "Форма устарела: откройте страницу заново и повторите.",
        "Biểu mẫu đã hết hạn: hãy tải lại trang rồi thử lại.",
    ),
    r"this changes something and carries no token: .*": (
        "В форме нет защитного токена: откройте страницу заново и повторите.",
        "Biểu mẫu thiếu mã bảo vệ: hãy tải lại trang rồi thử lại.",
    ),
    r"This page came over plain HTTP, and a sign-in is kept over HTTPS only: .*": (
        "Страница пришла по обычному HTTP, а вход сохраняется только по HTTPS: откройте её как https://… (за прокси с "
        "TLS нужен PLAYBACK_PROXY_HOPS). Если TLS нет, PLAYBACK_PLAIN_HTTP=true всё же позволит входить; но тогда тот, "
        "кто слушает сеть, сможет то же, что и вошедшие.",
        "Trang này đến qua HTTP thường, mà đăng nhập chỉ được giữ qua HTTPS: hãy mở bằng https://… (sau proxy có TLS "
        "phải đặt PLAYBACK_PROXY_HOPS). Nếu không có TLS, PLAYBACK_PLAIN_HTTP=true vẫn cho đăng nhập; khi đó ai nghe "
        "được đường truyền cũng làm được như người đăng nhập.",
    ),
}
