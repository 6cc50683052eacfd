/** Why a camera gives no picture, in the chosen language where that is known. */
import type { ApiError } from '../api/call';
import { isReason } from '../api/cameras';
import { sayReason } from '../cameras-page/reasons';
import { say as sayPart } from '../parts/words';
import { defineWords } from '../words';

const say = defineWords({
  en: {
    late: 'The service did not answer in time',
    broken_off: 'The connection to the service broke off',
    no_picture: 'The camera sent a picture that cannot be shown',
  },
  ru: {
    late: 'Сервис не ответил вовремя',
    broken_off: 'Соединение с сервисом прервалось',
    no_picture: 'Камера прислала кадр, который нельзя показать',
  },
  vi: {
    late: 'Dịch vụ không trả lời kịp',
    broken_off: 'Kết nối với dịch vụ bị ngắt',
    no_picture: 'Camera gửi hình không hiển thị được',
  },
});

const OWN = ['late', 'broken_off', 'no_picture'] as const;

/** The reason in words; null where only the English message of the service tells it. */
export function whyText(why: ApiError): string | null {
  if (isReason(why.body.reason)) return sayReason(why.body.reason);
  const own = OWN.find((one) => why.has(one));
  if (own) return say(own);
  return why.status === 0 ? sayPart('unreachable') : null;
}
