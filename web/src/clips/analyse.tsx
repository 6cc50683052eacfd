import { useRef, useState } from 'preact/hooks';
import { AUDIENCES, type Audience, type HandedFile } from '../api/files';
import { Field } from '../parts/field';
import { Link } from '../parts/link';
import { ActDialog, useEach } from './acting';
import { say } from './actwords';
import { analyse, analyses } from './analyses';
import type { Cut } from './cut';
import { refreshKept } from './kept';

const MOST_NAME = 255;
const MOST_CHARACTERS = 4096;

function AudienceField({ audience, onChoose }: { audience: Audience; onChoose: (audience: Audience) => void }) {
  const choose = (value: string) => onChoose(AUDIENCES.find((one) => one === value) ?? '----');
  return (
    <Field label={say('audience')}>
      <select value={audience} onChange={(event) => choose(event.currentTarget.value)}>
        {AUDIENCES.map((one) => (
          <option key={one} value={one}>
            {one === '----' ? say('noAudience') : one}
          </option>
        ))}
      </select>
    </Field>
  );
}

/** Makes a file of the stretch of each camera, and asks for its analysis. */
export function AnalyseDialog({ cuts, onClose }: { cuts: Cut[]; onClose: () => void }) {
  const [name, setName] = useState('');
  const [audience, setAudience] = useState<Audience>('----');
  const [comment, setComment] = useState('');
  const each = useEach();
  const made = useRef(new Map<number, HandedFile>());
  const begin = async () => {
    try {
      await each(cuts, (cut) => analyse(cut, name.trim() || null, audience, comment, made.current));
      onClose();
    } finally {
      refreshKept();
    }
  };
  return (
    <ActDialog
      title={say('analyseTitle')}
      hint={say('analyseHint')}
      cuts={cuts}
      action={say('analyseNow')}
      onAct={begin}
      onClose={onClose}
    >
      <Field label={say('name')} hint={say('nameHint')}>
        <input value={name} maxLength={MOST_NAME} onInput={(event) => setName(event.currentTarget.value)} />
      </Field>
      <AudienceField audience={audience} onChoose={setAudience} />
      <Field label={say('comment')}>
        <textarea
          rows={2}
          maxLength={MOST_CHARACTERS}
          value={comment}
          onInput={(event) => setComment(event.currentTarget.value)}
        />
      </Field>
    </ActDialog>
  );
}

/** How far the analyses are that were begun here, with the way to their files. */
export function Analyses() {
  if (!analyses.value.length) return null;
  return (
    <section class="stack" aria-label={say('analyses')}>
      <h3>{say('analyses')}</h3>
      <ul class="stack" aria-live="polite">
        {analyses.value.map(({ id, name, stage }) => (
          <li key={id}>
            <Link page="files" query={{ file: String(id) }} aria-label={say('openFile', { name })}>
              {name}
            </Link>
            <br />
            <span class="small muted">{say(`status_${stage}`)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
