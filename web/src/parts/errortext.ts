/** What an error says, in the chosen language where that is known. */
import { ApiError, type Detail } from '../api/call';
import { defineWords } from '../words';
import { say as sayPart } from './words';

const say = defineWords({
  en: {
    unexplained: 'The service answered without a reason',
    no_footage: 'There is no footage here',
    range_too_long: 'It may be at most 31 days long',
    unauthorised: 'You are signed out: sign in again',
    internal_error: 'The service failed; its log says why',
    database_unavailable: 'The database cannot be used now; the log of the service says why',
    storage_full: 'The storage is full',
  },
  ru: {
    unexplained: 'Сервис ответил, не назвав причины',
    no_footage: 'Здесь записи нет',
    range_too_long: 'Не длиннее 31 суток',
    unauthorised: 'Сеанс завершён: войдите снова',
    internal_error: 'Сбой сервиса; причина в его журнале',
    database_unavailable: 'База данных сейчас недоступна; причина в журнале сервиса',
    storage_full: 'Хранилище заполнено',
  },
  vi: {
    unexplained: 'Dịch vụ trả lời mà không nêu lý do',
    no_footage: 'Ở đây không có bản ghi',
    range_too_long: 'Chỉ được dài tối đa 31 ngày',
    unauthorised: 'Bạn đã đăng xuất: hãy đăng nhập lại',
    internal_error: 'Dịch vụ gặp lỗi; nhật ký của dịch vụ cho biết lý do',
    database_unavailable: 'Hiện không dùng được cơ sở dữ liệu; nhật ký của dịch vụ cho biết lý do',
    storage_full: 'Kho lưu trữ đã đầy',
  },
});

const KNOWN = [
  'unexplained',
  'no_footage',
  'range_too_long',
  'unauthorised',
  'internal_error',
  'database_unavailable',
  'storage_full',
] as const;

function detailText({ type, msg }: Detail): string {
  const known = KNOWN.find((one) => one === type);
  return known ? say(known) : msg;
}

/** What an error says; where these pages have no words for it, the service's own, which are English. */
export function errorText(error: unknown): string {
  if (!(error instanceof ApiError)) return String((error as Error).message);
  return error.status === 0 ? sayPart('unreachable') : error.detail.map(detailText).join(' · ');
}
