/** A link that opens exactly the moment shown, to be sent to somebody. */
import { useMemo } from 'preact/hooks';
import { isoOf, momentText, nowMs } from '../instants';
import { useKeys } from '../keys';
import { clockMs, momentPath, view } from '../moment';
import { Button } from '../parts/button';
import { copyText } from '../parts/copytext';
import { toast } from '../parts/toasts';
import { say as sayTimeline } from '../timeline/words';
import { defineWords } from '../words';

const say = defineWords({
  en: {
    link: 'Link to this moment',
    copied: 'Copied: the link that opens {moment}',
    failed: 'This browser lets nothing be copied. The link: {link}',
  },
  ru: {
    link: 'Ссылка на этот момент',
    copied: 'Скопирована ссылка на момент {moment}',
    failed: 'Браузер не разрешает копировать. Ссылка: {link}',
  },
  vi: {
    link: 'Liên kết đến thời điểm này',
    copied: 'Đã sao chép liên kết đến {moment}',
    failed: 'Trình duyệt không cho sao chép. Liên kết: {link}',
  },
});

async function copyMoment(): Promise<void> {
  const atMs = Math.round(clockMs.peek() ?? nowMs());
  const { startMs, endMs } = view.peek();
  const link = location.origin + momentPath(atMs, undefined, endMs - startMs);
  if (await copyText(link)) toast(say('copied', { moment: `${momentText(atMs)} (${isoOf(atMs)})` }));
  else toast(say('failed', { link }), 'danger');
}

export function MomentLink() {
  const label = say('link');
  useKeys(
    useMemo(() => [{ keys: 'c', hint: label, act: () => void copyMoment() }], [label]),
    sayTimeline('timeline'),
  );
  return (
    <Button kind="quiet" icon="link" title={`${label} (C)`} onClick={() => void copyMoment()}>
      {label}
    </Button>
  );
}
