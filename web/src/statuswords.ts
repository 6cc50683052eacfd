/**
 * What the service says of a camera, in the user's language: its fixed sentences (app/capture), by which they are known
 * here, with places for what is measured or comes from elsewhere. A sentence that is none of them stays as it is.
 */
import { language } from './words';

/** English, Russian, Vietnamese. */
const SENTENCES: readonly (readonly [string, string, string])[] = [
  [
    'the camera refuses user or password ({a}): correct them in the source',
    'камера отклоняет имя или пароль ({a}): исправьте их у камеры',
    'camera từ chối tên hoặc mật khẩu ({a}): hãy sửa lại trong phần camera',
  ],
  [
    'the camera forbids this user the stream (403)',
    'камера не даёт этому пользователю поток (403)',
    'camera không cho người dùng này xem luồng (403)',
  ],
  [
    'the camera answers but has no stream at this path (404): correct the address',
    'камера отвечает, но по этому пути потока нет (404): исправьте адрес',
    'camera có trả lời nhưng không có luồng ở đường dẫn này (404): hãy sửa địa chỉ',
  ],
  [
    'the storage is full: free space on its disk, or delete recordings',
    'хранилище заполнено: освободите место на диске или удалите записи',
    'kho lưu trữ đã đầy: hãy giải phóng đĩa hoặc xóa bớt bản ghi',
  ],
  [
    "the storage cannot be written: check that it is mounted, not read-only, and owned by the service's user",
    'в хранилище нельзя писать: проверьте, что оно подключено, открыто на запись и принадлежит пользователю сервиса',
    'không ghi được vào kho lưu trữ: hãy kiểm tra nó đã được gắn, không chỉ đọc và thuộc về người dùng của dịch vụ',
  ],
  [
    'ffmpeg does not accept the template of this source: correct ffmpeg_cmd',
    'ffmpeg не принимает шаблон этой камеры: исправьте команду ffmpeg',
    'ffmpeg không nhận mẫu lệnh của camera này: hãy sửa lệnh ffmpeg',
  ],
  ['the stream holds no video', 'в потоке нет видео', 'luồng không có hình'],
  [
    "nothing listens at the camera's address and port",
    'по адресу и порту камеры никто не отвечает',
    'không có gì lắng nghe ở địa chỉ và cổng của camera',
  ],
  [
    "the camera's host cannot be reached: check address and network",
    'узел камеры недоступен: проверьте адрес и сеть',
    'không tới được máy của camera: hãy kiểm tra địa chỉ và mạng',
  ],
  ['the camera does not answer in time', 'камера не отвечает вовремя', 'camera không trả lời kịp'],
  [
    'the camera announces a stream but does not send it: it may have too many clients, or need a restart',
    'камера объявляет поток, но не передаёт его: возможно, слишком много клиентов или нужна перезагрузка',
    'camera báo có luồng nhưng không gửi: có thể quá nhiều máy đang xem, hoặc cần khởi động lại',
  ],
  [
    'what answers at this address is not an RTSP video stream',
    'по этому адресу отвечает не видеопоток RTSP',
    'thứ trả lời ở địa chỉ này không phải luồng video RTSP',
  ],
  [
    'the camera sends its clients on to another address (RTSP redirect), which is not followed: enter that address',
    'камера отправляет на другой адрес (перенаправление RTSP), туда сервис не идёт: введите тот адрес',
    'camera chuyển sang địa chỉ khác (chuyển hướng RTSP), dịch vụ không đi theo: hãy nhập địa chỉ đó',
  ],
  ['the camera sent nothing for {a} s', 'камера ничего не передавала {a} с', 'camera không gửi gì trong {a} giây'],
  ['the camera ended the stream', 'камера завершила поток', 'camera đã kết thúc luồng'],
  [
    'the stream has no key frame: switch on regular key frames in the camera',
    'в потоке нет ключевых кадров: включите в камере регулярные ключевые кадры',
    'luồng không có khung hình chính: hãy bật khung hình chính đều đặn trong camera',
  ],
  [
    "no video came; ffmpeg's last word: {a}",
    'видео не пришло; последние слова ffmpeg: {a}',
    'không có hình; lời cuối của ffmpeg: {a}',
  ],
  [
    'no video came within {a} s: switch on regular key frames in the camera',
    'за {a} с видео не пришло: включите в камере регулярные ключевые кадры',
    'không có hình trong {a} giây: hãy bật khung hình chính đều đặn trong camera',
  ],
  [
    'the camera takes the connection but does not answer in time',
    'камера принимает соединение, но не отвечает вовремя',
    'camera nhận kết nối nhưng không trả lời kịp',
  ],
  [
    'the camera cannot be reached ({a}): check address and network',
    'камера недоступна ({a}): проверьте адрес и сеть',
    'không tới được camera ({a}): hãy kiểm tra địa chỉ và mạng',
  ],
  [
    'the camera redirects to another host; enter that address',
    'камера перенаправляет на другой узел; введите тот адрес',
    'camera chuyển sang máy khác; hãy nhập địa chỉ đó',
  ],
  [
    'the camera failed: it answers {a} instead of a picture; look at the camera if that goes on',
    'сбой камеры: вместо снимка ответ {a}; если это продолжается, проверьте камеру',
    'camera bị lỗi: trả lời {a} thay vì ảnh; nếu tiếp diễn hãy xem lại camera',
  ],
  [
    'the camera answers {a} instead of a picture: correct the address',
    'вместо снимка камера отвечает {a}: исправьте адрес',
    'camera trả lời {a} thay vì ảnh: hãy sửa địa chỉ',
  ],
  [
    "the server failed at this camera's pictures; its log says why",
    'сервер не справился со снимками этой камеры; причина — в его журнале',
    'máy chủ lỗi khi xử lý ảnh của camera này; nhật ký của nó nói rõ lý do',
  ],
  ['the camera changed the size of its pictures', 'камера сменила размер снимков', 'camera đã đổi kích thước ảnh'],
  ['the source was changed', 'настройки камеры изменены', 'camera đã được thay đổi'],
  ['ffmpeg cannot be started: {a}', 'ffmpeg не запускается: {a}', 'không khởi động được ffmpeg: {a}'],
  [
    'recording goes back to an earlier storage',
    'запись возвращается в прежнее хранилище',
    'việc ghi trở lại kho lưu trữ trước đó',
  ],
  [
    "the camera's timestamps jumped; a new run begins",
    'метки времени камеры скакнули; начинается новый отрезок',
    'dấu thời gian của camera bị nhảy; bắt đầu lượt ghi mới',
  ],
  [
    'the camera sent no key frame for 9 minutes',
    'камера 9 минут не передавала ключевых кадров',
    'camera không gửi khung hình chính trong 9 phút',
  ],
  ['the audio is transcoded to AAC', 'звук перекодируется в AAC', 'âm thanh được chuyển mã sang AAC'],
  ['the audio cannot be kept as it is', 'звук нельзя сохранить как есть', 'không thể giữ nguyên âm thanh'],
  ['ffmpeg was ended by signal {a}', 'ffmpeg завершён сигналом {a}', 'ffmpeg bị kết thúc bởi tín hiệu {a}'],
  [
    'ffmpeg was killed or crashed: its log has no end',
    'ffmpeg был остановлен или упал: его журнал обрывается',
    'ffmpeg bị buộc dừng hoặc gặp sự cố: nhật ký không có phần cuối',
  ],
  [
    'the picture is endless or larger than 32 MiB',
    'снимок бесконечен или больше 32 МиБ',
    'ảnh không có điểm cuối hoặc lớn hơn 32 MiB',
  ],
  [
    "the camera's picture has {a} pixels, {b} in all; at most {c} are taken: set a smaller picture in the camera",
    'в снимке камеры {a} точек, всего {b}; принимается не более {c}: задайте в камере снимок меньше',
    'ảnh của camera có {a} điểm ảnh, tổng cộng {b}; chỉ nhận tối đa {c}: hãy đặt ảnh nhỏ hơn trong camera',
  ],
  [
    'no encrypted connection comes about: the port may speak plain RTSP (rtsp://), or old TLS alone',
    'зашифрованное соединение не устанавливается: возможно, порт говорит на обычном RTSP (rtsp://) или только на старом TLS',
    'không thiết lập được kết nối mã hóa: cổng có thể chỉ dùng RTSP thường (rtsp://) hoặc TLS cũ',
  ],
  [
    'the camera announces video, but no picture came in time: switch on regular key frames in the camera',
    'камера объявляет видео, но кадр вовремя не пришёл: включите в камере регулярные ключевые кадры',
    'camera báo có video nhưng không có hình kịp thời: hãy bật khung hình chính đều đặn trong camera',
  ],
  [
    "the camera's video is {a}, which cannot be recorded: set the camera to H.264 or H.265",
    'видео камеры — {a}, его нельзя записывать: переключите камеру на H.264 или H.265',
    'video của camera là {a}, không ghi được: hãy đặt camera sang H.264 hoặc H.265',
  ],
  [
    'what the camera sends is not a whole picture in JPEG, PNG, GIF, BMP or WebP',
    'камера присылает не целый снимок в формате JPEG, PNG, GIF, BMP или WebP',
    'thứ camera gửi không phải ảnh trọn vẹn dạng JPEG, PNG, GIF, BMP hoặc WebP',
  ],
];

const escaped = (text: string) => text.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
const PATTERNS = SENTENCES.map(([en, ru, vi]) => ({
  pattern: new RegExp(`^${escaped(en).replace(/\{(\w)\}/g, '(?<$1>.+)')}$`, 's'),
  ru,
  vi,
}));

/** The sentence in the user's language; null where it is none of those that are known, and is English. */
export function saidOfCamera(detail: string): string | null {
  const name = language.value;
  if (name === 'en') return detail;
  for (const { pattern, ...words } of PATTERNS) {
    const found = pattern.exec(detail);
    if (found) return words[name].replace(/\{(\w)\}/g, (_, key: string) => found.groups?.[key] ?? '');
  }
  return null;
}
