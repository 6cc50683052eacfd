/** Cameras that a link names and that are not shown: they are not there, or not for who looks. */
import { chooseCameras, MOST_CAMERAS, missing } from '../moment';
import { Button } from '../parts/button';
import { defineWords, language } from '../words';

const say = defineWords({
  en: {
    missing: {
      one: 'Camera {ids} is not there, or you may not see it.',
      other: 'The cameras {ids} are not there, or you may not see them.',
    },
    all: 'Show the cameras that you may see',
  },
  ru: {
    missing: {
      one: 'Камеры {ids} нет, или она вам недоступна.',
      other: 'Камер {ids} нет, или они вам недоступны.',
    },
    all: 'Показать доступные камеры',
  },
  vi: {
    missing: 'Không có camera {ids}, hoặc bạn không được xem.',
    all: 'Xem các camera được phép',
  },
});

export function MissingCameras() {
  const ids = missing.value;
  if (!ids.length) return null;
  const told = ids.slice(0, MOST_CAMERAS).map(String);
  const named = new Intl.ListFormat(language.value).format(told.length < ids.length ? [...told, '…'] : told);
  return (
    <div class="notice timelinepage-missing" data-kind="warning" role="alert">
      <p>{say('missing', { n: ids.length, ids: named })}</p>
      <Button onClick={() => chooseCameras([])}>{say('all')}</Button>
    </div>
  );
}
