/** Why a camera gives no picture, and what to try: for each reason that the service gives (app/capture/trial.py). */
import type { Reason } from './api/cameras';
import { defineWords } from './words';

type Key = Reason | `${Reason}_hint`;

const EN: Record<Key, string> = {
  address_forbidden: 'No camera may be at this address',
  address_forbidden_hint:
    'The setting PLAYBACK_CAMERA_NETWORKS does not let the service connect there. Give the address of the camera itself, or ask the administrator of the server.',
  name_unknown: 'Nothing is known of this host name',
  name_unknown_hint: 'Check the spelling, or give the number of the camera, such as 192.168.1.10.',
  refused: 'Nothing listens at this address and port',
  refused_hint: 'Check the port: RTSP is mostly 554. RTSP may have to be switched on in the camera.',
  unreachable: 'No way leads to this address',
  unreachable_hint: 'Check that camera and server are in the same network, or that a route leads there.',
  no_answer: 'The camera does not answer in time',
  no_answer_hint: 'Check its power, its cable and the address. A firewall may swallow the connection.',
  tls: 'No encrypted connection comes about',
  tls_hint: 'Try rtsp:// or http:// instead. A certificate of the camera’s own making is not trusted.',
  wrong_password: 'The camera refuses user or password',
  wrong_password_hint:
    'Type both again. Some cameras have a user of their own for ONVIF or RTSP; for pictures, try the other way of signing in.',
  not_permitted: 'This user may not see the stream',
  not_permitted_hint: 'Give the user the right to live video in the camera, or use another one.',
  path_unknown: 'The camera answers, but has nothing at this path',
  path_unknown_hint: 'Correct what stands behind the host: the usual paths of the maker are offered below the address.',
  redirected: 'The camera sends its clients on to another address',
  redirected_hint: 'Enter the address that it leads to.',
  not_a_camera: 'What answers there is no video stream',
  not_a_camera_hint: 'Check the port, and whether this is a stream (rtsp://) or a still picture (http://).',
  no_video: 'The stream has no video',
  no_video_hint: 'Choose another path or channel; this one has sound alone.',
  no_key_frame: 'The camera announces video, but no picture came in time',
  no_key_frame_hint:
    'Set a key frame (I-frame) at least every two seconds in the camera, and look whether other clients use up its connections.',
  codec_unknown: 'The video has a codec that cannot be recorded',
  codec_unknown_hint: 'Set the camera to H.264 or H.265.',
  camera_error: 'The camera answers with an error of its own',
  camera_error_hint: 'It may have too many clients, or need a restart.',
  bad_template: 'The recording command is not accepted',
  bad_template_hint: 'Correct it, or leave it empty.',
  failed: 'No picture came',
  failed_hint: 'The words of the service below may tell more.',
};

export const sayReason = defineWords<Key>({
  en: EN,
  ru: {
    address_forbidden: 'По этому адресу камер быть не может',
    address_forbidden_hint:
      'Настройка PLAYBACK_CAMERA_NETWORKS не разрешает подключаться туда. Укажите адрес самой камеры или обратитесь к администратору сервера.',
    name_unknown: 'Имя узла не найдено',
    name_unknown_hint: 'Проверьте написание или укажите IP-адрес камеры, например 192.168.1.10.',
    refused: 'На этом адресе и порту ничего не отвечает',
    refused_hint: 'Проверьте порт: для RTSP это обычно 554. Возможно, RTSP нужно включить в камере.',
    unreachable: 'Адрес недостижим',
    unreachable_hint: 'Проверьте, что камера и сервер в одной сети или между ними есть маршрут.',
    no_answer: 'Камера не ответила вовремя',
    no_answer_hint: 'Проверьте питание, кабель и адрес. Соединение может блокировать межсетевой экран.',
    tls: 'Не удалось установить шифрованное соединение',
    tls_hint: 'Попробуйте rtsp:// или http://. Самоподписанный сертификат камеры не считается доверенным.',
    wrong_password: 'Камера не принимает логин или пароль',
    wrong_password_hint:
      'Введите их заново. У некоторых камер для ONVIF или RTSP отдельный пользователь; для снимков попробуйте другой способ входа.',
    not_permitted: 'Этому пользователю поток недоступен',
    not_permitted_hint: 'Дайте ему в камере право на просмотр видео или укажите другого пользователя.',
    path_unknown: 'Камера отвечает, но по этому пути ничего нет',
    path_unknown_hint: 'Исправьте часть адреса после имени узла: под адресом есть обычные пути производителей.',
    redirected: 'Камера перенаправляет на другой адрес',
    redirected_hint: 'Введите адрес, на который она указывает.',
    not_a_camera: 'По этому адресу отвечает не видеопоток',
    not_a_camera_hint: 'Проверьте порт и тип: видеопоток (rtsp://) или снимок (http://).',
    no_video: 'В потоке нет видео',
    no_video_hint: 'Выберите другой путь или канал: в этом только звук.',
    no_key_frame: 'Камера объявила видео, но кадр вовремя не пришёл',
    no_key_frame_hint:
      'Задайте в камере опорный кадр (I-кадр) не реже чем раз в две секунды и проверьте, не заняты ли все её подключения.',
    codec_unknown: 'Видео в кодеке, который нельзя записать',
    codec_unknown_hint: 'Переключите камеру на H.264 или H.265.',
    camera_error: 'Камера сообщила о своей ошибке',
    camera_error_hint: 'Возможно, у неё слишком много подключений или нужна перезагрузка.',
    bad_template: 'Команда записи не принята',
    bad_template_hint: 'Исправьте её или оставьте поле пустым.',
    failed: 'Кадр не получен',
    failed_hint: 'Подробности могут быть в ответе сервиса ниже.',
  },
  vi: {
    address_forbidden: 'Không được phép đặt camera ở địa chỉ này',
    address_forbidden_hint:
      'Thiết lập PLAYBACK_CAMERA_NETWORKS không cho dịch vụ kết nối tới đó. Hãy nhập địa chỉ của chính camera hoặc hỏi quản trị viên máy chủ.',
    name_unknown: 'Không tìm thấy tên máy này',
    name_unknown_hint: 'Kiểm tra chính tả hoặc nhập địa chỉ IP của camera, ví dụ 192.168.1.10.',
    refused: 'Không có gì lắng nghe ở địa chỉ và cổng này',
    refused_hint: 'Kiểm tra cổng: RTSP thường là 554. Có thể phải bật RTSP trong camera.',
    unreachable: 'Không có đường tới địa chỉ này',
    unreachable_hint: 'Kiểm tra camera và máy chủ có cùng mạng hoặc có định tuyến giữa hai bên.',
    no_answer: 'Camera không trả lời kịp',
    no_answer_hint: 'Kiểm tra nguồn, dây mạng và địa chỉ. Tường lửa có thể chặn kết nối.',
    tls: 'Không thiết lập được kết nối mã hóa',
    tls_hint: 'Thử rtsp:// hoặc http://. Chứng chỉ tự ký của camera không được tin cậy.',
    wrong_password: 'Camera từ chối tên đăng nhập hoặc mật khẩu',
    wrong_password_hint:
      'Nhập lại cả hai. Một số camera có tài khoản riêng cho ONVIF hoặc RTSP; với ảnh tĩnh, hãy thử cách đăng nhập khác.',
    not_permitted: 'Tài khoản này không được xem luồng video',
    not_permitted_hint: 'Cấp quyền xem trực tiếp cho tài khoản trong camera hoặc dùng tài khoản khác.',
    path_unknown: 'Camera có trả lời nhưng không có gì ở đường dẫn này',
    path_unknown_hint: 'Sửa phần sau tên máy: các đường dẫn thường dùng của hãng có bên dưới địa chỉ.',
    redirected: 'Camera chuyển hướng sang địa chỉ khác',
    redirected_hint: 'Hãy nhập địa chỉ mà camera dẫn tới.',
    not_a_camera: 'Nơi trả lời không phải là luồng video',
    not_a_camera_hint: 'Kiểm tra cổng và loại: luồng video (rtsp://) hay ảnh tĩnh (http://).',
    no_video: 'Luồng không có hình',
    no_video_hint: 'Chọn đường dẫn hoặc kênh khác; kênh này chỉ có âm thanh.',
    no_key_frame: 'Camera báo có video nhưng không có hình kịp thời',
    no_key_frame_hint:
      'Đặt khung hình chính (I-frame) ít nhất hai giây một lần trong camera và xem camera có hết kết nối không.',
    codec_unknown: 'Video dùng chuẩn nén không ghi được',
    codec_unknown_hint: 'Đặt camera sang H.264 hoặc H.265.',
    camera_error: 'Camera trả lời bằng lỗi của chính nó',
    camera_error_hint: 'Có thể quá nhiều kết nối hoặc camera cần khởi động lại.',
    bad_template: 'Lệnh ghi hình không được chấp nhận',
    bad_template_hint: 'Sửa lại hoặc để trống.',
    failed: 'Không nhận được hình',
    failed_hint: 'Lời báo của dịch vụ bên dưới có thể nói rõ hơn.',
  },
});

/** Whether a word of the service is a reason that is known here. */
export const isReason = (word: unknown): word is Reason =>
  typeof word === 'string' && Object.hasOwn(EN, `${word}_hint`);
