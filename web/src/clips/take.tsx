/** Asks as what a clip is downloaded. */
import { signal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { ApiError } from '../api/call';
import { bytesText } from '../instants';
import { ErrorText } from '../parts/shown';
import { ActDialog } from './acting';
import type { Cut } from './cut';
import { KINDS, type Kind } from './forms';
import { say } from './takewords';
import { type Sizes, takeAll, useSizes } from './taking';

/** What was chosen last: most people want the same again. */
const wanted = signal<Kind>('mp4');

/** What is known of the sizes of one kind: nothing yet, the sizes, or why they are not told. */
type Known = Sizes | ApiError | undefined;

const isNothing = (known: Known): boolean => Array.isArray(known) && known.every((size) => size === null);

function sizeText(sizes: Sizes | undefined): string {
  if (!sizes) return say('measuring');
  if (isNothing(sizes)) return say('nothingClosed');
  return bytesText(sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0));
}

function Option({ kind, known, isChosen }: { kind: Kind; known: Known; isChosen: boolean }) {
  const id = useId();
  return (
    <label class="clips-take">
      <input
        type="radio"
        name="clips-take"
        checked={isChosen}
        disabled={isNothing(known)}
        aria-labelledby={`${id}-name`}
        aria-describedby={`${id}-size ${id}-about`}
        onChange={() => {
          wanted.value = kind;
        }}
      />
      <b id={`${id}-name`}>{say(kind)}</b>
      <span id={`${id}-size`} class="small muted">
        {known instanceof ApiError ? <ErrorText error={known} /> : sizeText(known)}
      </span>
      <span id={`${id}-about`} class="small">
        {say(`${kind}About`)}
      </span>
    </label>
  );
}

/** The stretch of each camera as MP4, as MP4 with a signed manifest, or as evidence. */
export function TakeDialog({ cuts, onClose }: { cuts: Cut[]; onClose: () => void }) {
  const sizes = useSizes(cuts);
  const chosen = isNothing(sizes[wanted.value]) ? 'mp4' : wanted.value;
  const take = async () => {
    const known = sizes[chosen];
    takeAll(cuts, chosen, known instanceof ApiError ? undefined : known);
    onClose();
  };
  return (
    <ActDialog title={say('title')} hint={say('hint')} cuts={cuts} action={say('act')} onAct={take} onClose={onClose}>
      <fieldset class="clips-takes">
        <legend class="unseen">{say('legend')}</legend>
        {KINDS.map((kind) => (
          <Option key={kind} kind={kind} known={sizes[kind]} isChosen={kind === chosen} />
        ))}
      </fieldset>
    </ActDialog>
  );
}
