/** Why footage is missing, in words, and the family by which a gap is drawn: a colour and a pattern for each. */
import { defineWords } from './words';

export const FAMILIES = ['idle', 'camera', 'recorder', 'storage', 'removed', 'unclear'] as const;
export type Family = (typeof FAMILIES)[number];

const FAMILY_OF = {
  not_recording: 'idle',
  camera_unreachable: 'camera',
  wrong_password: 'camera',
  no_video: 'camera',
  no_key_frame: 'camera',
  silent: 'camera',
  stream_ended: 'camera',
  stopped: 'recorder',
  starting: 'recorder',
  pending: 'idle',
  recorder_stopped: 'recorder',
  crashed: 'recorder',
  disk_full: 'storage',
  storage_unusable: 'storage',
  throttled: 'storage',
  bad_template: 'recorder',
  clock_jump: 'recorder',
  clock_step: 'recorder',
  audio: 'recorder',
  deleted: 'removed',
  unreadable: 'removed',
  unknown: 'unclear',
} as const satisfies Record<string, Family>;

export type Cause = keyof typeof FAMILY_OF;

const isCause = (name: string): name is Cause => Object.hasOwn(FAMILY_OF, name);

/** The family of a cause; what a newer service calls otherwise is unclear. */
export const familyOf = (cause: string): Family => (isCause(cause) ? FAMILY_OF[cause] : 'unclear');

/** A cause in words; one that these pages do not know yet by its own name. */
export const causeText = (cause: string): string => (isCause(cause) ? say(cause) : cause.replaceAll('_', ' '));

export const familyText = (family: Family): string => sayFamily(family);

const sayFamily = defineWords<Family>({
  en: {
    idle: 'Nothing was to be recorded',
    camera: 'Camera',
    recorder: 'Recorder',
    storage: 'Storage',
    removed: 'Deleted or lost since',
    unclear: 'Cause unknown',
  },
  ru: {
    idle: 'Запись не требовалась',
    camera: 'Камера',
    recorder: 'Регистратор',
    storage: 'Хранилище',
    removed: 'Удалено или утрачено позже',
    unclear: 'Причина неизвестна',
  },
  vi: {
    idle: 'Không có lịch ghi',
    camera: 'Camera',
    recorder: 'Bộ ghi hình',
    storage: 'Kho lưu trữ',
    removed: 'Đã xóa hoặc bị mất sau đó',
    unclear: 'Không rõ nguyên nhân',
  },
});

const say = defineWords<Cause>({
  en: {
    not_recording: 'Nothing was to be recorded',
    camera_unreachable: 'The camera could not be reached',
    wrong_password: 'The camera refused user or password',
    no_video: 'What answered at the camera’s address sent no video',
    no_key_frame: 'The camera sent no key frame',
    silent: 'The camera was connected and sent nothing',
    stream_ended: 'The camera ended the stream',
    stopped: 'Recording was being stopped',
    starting: 'The recorder was connecting to the camera',
    pending: 'What came is not yet written as a whole',
    recorder_stopped: 'No recorder was running',
    crashed: 'The recording program, ffmpeg, crashed or was killed',
    disk_full: 'The disk was full',
    storage_unusable: 'The storage could not be written',
    throttled: 'The storage was too slow; recording was cut back',
    bad_template: 'The camera’s ffmpeg command or address could not be used',
    clock_jump: 'The camera’s clock jumped, and a new run was begun',
    clock_step: 'The clock of the recording machine was set',
    audio: 'The stream was begun anew with another sound format',
    deleted: 'It was deleted',
    unreadable: 'A recorded file is missing, was altered, or its storage is away',
    unknown: 'The cause is not known',
  },
  ru: {
    not_recording: 'Запись не требовалась',
    camera_unreachable: 'Камера была недоступна',
    wrong_password: 'Камера отклонила имя пользователя или пароль',
    no_video: 'По адресу камеры не было видеопотока',
    no_key_frame: 'Камера не прислала ключевого кадра',
    silent: 'Камера была подключена, но ничего не передавала',
    stream_ended: 'Камера завершила поток',
    stopped: 'Запись останавливалась',
    starting: 'Регистратор подключался к камере',
    pending: 'Полученное ещё не записано целиком',
    recorder_stopped: 'Регистратор не работал',
    crashed: 'Программа записи ffmpeg аварийно завершилась или была остановлена',
    disk_full: 'Диск был заполнен',
    storage_unusable: 'Запись в хранилище была невозможна',
    throttled: 'Хранилище не успевало; запись была сокращена',
    bad_template: 'Команда ffmpeg или адрес камеры непригодны',
    clock_jump: 'Часы камеры скакнули, начата новая запись',
    clock_step: 'Часы сервера записи были переведены',
    audio: 'Поток начат заново с другим форматом звука',
    deleted: 'Удалено',
    unreadable: 'Файл записи отсутствует, изменён или его хранилище отключено',
    unknown: 'Причина неизвестна',
  },
  vi: {
    not_recording: 'Không có lịch ghi',
    camera_unreachable: 'Không kết nối được với camera',
    wrong_password: 'Camera từ chối tên người dùng hoặc mật khẩu',
    no_video: 'Địa chỉ của camera không trả về video',
    no_key_frame: 'Camera không gửi khung hình chính',
    silent: 'Camera đã kết nối nhưng không gửi gì',
    stream_ended: 'Camera đã kết thúc luồng',
    stopped: 'Đang dừng ghi hình',
    starting: 'Bộ ghi hình đang kết nối với camera',
    pending: 'Dữ liệu nhận được chưa ghi xong',
    recorder_stopped: 'Bộ ghi hình không chạy',
    crashed: 'Chương trình ghi ffmpeg bị lỗi hoặc bị buộc dừng',
    disk_full: 'Ổ đĩa đã đầy',
    storage_unusable: 'Không thể ghi vào kho lưu trữ',
    throttled: 'Kho lưu trữ quá chậm; đã giảm ghi hình',
    bad_template: 'Lệnh ffmpeg hoặc địa chỉ của camera không dùng được',
    clock_jump: 'Đồng hồ camera bị nhảy, đã bắt đầu một lượt ghi mới',
    clock_step: 'Đồng hồ của máy ghi đã được chỉnh',
    audio: 'Luồng được bắt đầu lại với định dạng âm thanh khác',
    deleted: 'Đã bị xóa',
    unreadable: 'Tệp ghi bị thiếu, bị sửa đổi hoặc kho lưu trữ không sẵn sàng',
    unknown: 'Không rõ nguyên nhân',
  },
});
