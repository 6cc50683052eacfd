/** What is said of a time that was typed: one that came twice, or that the clocks left out. */
import { defineWords } from './words';

export const say = defineWords({
  en: {
    twice: 'The clocks were put back: this time came twice.',
    first: 'The first time ({offset})',
    second: 'The second time ({offset})',
    leftOut: 'The clocks were put forward: this time did not exist. The moment after it is taken.',
  },
  ru: {
    twice: 'Часы переводили назад: это время наступало дважды.',
    first: 'В первый раз ({offset})',
    second: 'Во второй раз ({offset})',
    leftOut: 'Часы переводили вперёд: такого времени не было. Берётся момент сразу после него.',
  },
  vi: {
    twice: 'Đồng hồ được lùi lại: giờ này xuất hiện hai lần.',
    first: 'Lần thứ nhất ({offset})',
    second: 'Lần thứ hai ({offset})',
    leftOut: 'Đồng hồ được vặn tới: giờ này không tồn tại. Lấy thời điểm ngay sau đó.',
  },
});
