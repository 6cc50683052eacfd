import { useRef, useState } from 'preact/hooks';
import { addShare } from '../api/shares';
import { cameraName } from '../cameras';
import { Button } from '../parts/button';
import { sayCopied } from '../parts/copytext';
import { Dialog } from '../parts/dialog';
import { Check, Field } from '../parts/field';
import { ErrorText } from '../parts/shown';
import { say as sayPart } from '../parts/words';
import { ActDialog, endOf, LastingField, WEEK } from './acting';
import { say } from './actwords';
import type { Cut } from './cut';
import { refreshKept } from './kept';

const MOST_USES = 1_000_000;
const LEAST_PASSWORD = 8;
const MOST_CHARACTERS = 4096;

interface Made {
  id: string;
  name: string;
  url: string;
}

function LinkRow({ made: { name, url } }: { made: Made }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <div class="clips-link">
      <Field label={say('linkOf', { name })}>
        <input ref={input} class="code" readOnly value={url} onFocus={(event) => event.currentTarget.select()} />
      </Field>
      <Button
        icon="link"
        aria-label={say('copy', { name })}
        onClick={() => input.current && void sayCopied(input.current)}
      >
        {sayPart('copy')}
      </Button>
    </div>
  );
}

/** The addresses, which nobody can be told again. */
function Links({ links, problem, onClose }: { links: Made[]; problem: unknown; onClose: () => void }) {
  return (
    <Dialog title={say('sharedTitle')} onClose={onClose}>
      <div class="stack">
        <p class="notice" data-kind="warning">
          {say('sharedHint')}
        </p>
        {links.map((made) => (
          <LinkRow key={made.id} made={made} />
        ))}
        <ErrorText error={problem} />
        <div class="dialog-buttons">
          <Button kind="main" onClick={onClose}>
            {sayPart('done')}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

interface Wish {
  uses: string;
  password: string;
  note: string;
  mayDownload: boolean;
}

const isUses = (text: string) => !text || (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_USES);
const isPassword = (text: string) => !text || text.length >= LEAST_PASSWORD;

interface FieldsProps {
  wish: Wish;
  isTried: boolean;
  onChange: (change: Partial<Wish>) => void;
}

function ShareFields({ wish, isTried, onChange }: FieldsProps) {
  return (
    <>
      <Field label={say('uses')} hint={say('usesHint')} error={isTried && !isUses(wish.uses) ? say('usesWrong') : ''}>
        <input
          inputMode="numeric"
          value={wish.uses}
          onInput={(event) => onChange({ uses: event.currentTarget.value })}
        />
      </Field>
      <Field
        label={say('password')}
        hint={say('passwordHint')}
        error={isTried && !isPassword(wish.password) ? say('passwordShort') : ''}
      >
        <input
          type="text"
          autoComplete="off"
          spellcheck={false}
          value={wish.password}
          onInput={(event) => onChange({ password: event.currentTarget.value })}
        />
      </Field>
      <Field label={say('note')} hint={say('noteHint')}>
        <textarea
          rows={2}
          maxLength={MOST_CHARACTERS}
          value={wish.note}
          onInput={(event) => onChange({ note: event.currentTarget.value })}
        />
      </Field>
      <Check
        label={say('mayDownload')}
        checked={wish.mayDownload}
        onChange={(mayDownload) => onChange({ mayDownload })}
      />
    </>
  );
}

const EMPTY: Wish = { uses: '', password: '', note: '', mayDownload: false };

/**
 * Make a link for each stretch. Where one fails `problem` says why, and those that were made are returned all the same,
 * for they are not shown again. Raises ApiError where none was made.
 */
async function makeLinks(cuts: Cut[], expiresMs: number, wish: Wish): Promise<{ made: Made[]; problem: unknown }> {
  const { uses, password, note, mayDownload } = wish;
  const given = {
    expiresMs,
    count: uses ? Number(uses) : null,
    password: password || null,
    mayDownload,
    description: note.trim() || null,
  };
  const made: Made[] = [];
  try {
    for (const cut of cuts) {
      const { id, url } = await addShare(cut, given);
      made.push({ id, url, name: cameraName(cut.sourceId) });
    }
  } catch (error) {
    if (!made.length) throw error;
    return { made, problem: error };
  }
  return { made, problem: null };
}

/** Makes a link for the stretch of each camera. */
export function ShareDialog({ cuts, onClose }: { cuts: Cut[]; onClose: () => void }) {
  const [lasting, setLasting] = useState(WEEK);
  const [wish, setWish] = useState(EMPTY);
  const [isTried, setTried] = useState(false);
  const [links, setLinks] = useState<Made[] | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const share = async () => {
    setTried(true);
    const expiresMs = endOf(lasting);
    if (!expiresMs || !isUses(wish.uses) || !isPassword(wish.password)) return;
    const { made, problem: failure } = await makeLinks(cuts, expiresMs, wish);
    setProblem(failure);
    setLinks(made);
    refreshKept();
  };
  if (links) return <Links links={links} problem={problem} onClose={onClose} />;
  return (
    <ActDialog
      title={say('shareTitle')}
      hint={say('shareHint')}
      cuts={cuts}
      action={say('shareNow')}
      onAct={share}
      onClose={onClose}
      isHeld
    >
      <LastingField
        lasting={lasting}
        isEndless={false}
        isWrong={isTried && endOf(lasting) === undefined}
        onChange={setLasting}
      />
      <ShareFields wish={wish} isTried={isTried} onChange={(change) => setWish({ ...wish, ...change })} />
    </ActDialog>
  );
}
