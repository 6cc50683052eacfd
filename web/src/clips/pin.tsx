import { useState } from 'preact/hooks';
import { addPin } from '../api/clips';
import { Field } from '../parts/field';
import { toast } from '../parts/toasts';
import { ActDialog, endOf, LastingField, NEVER, useEach } from './acting';
import { say } from './actwords';
import type { Cut } from './cut';
import { refreshKept } from './kept';

const MOST_CHARACTERS = 4096;

function ReasonField({
  reason,
  isTried,
  onType,
}: {
  reason: string;
  isTried: boolean;
  onType: (reason: string) => void;
}) {
  return (
    <Field label={say('reason')} hint={say('reasonHint')} error={isTried && !reason.trim() ? say('reasonMissing') : ''}>
      <textarea
        rows={2}
        maxLength={MOST_CHARACTERS}
        value={reason}
        onInput={(event) => onType(event.currentTarget.value)}
      />
    </Field>
  );
}

/** Keeps the stretch of each camera from being deleted. */
export function PinDialog({ cuts, onClose }: { cuts: Cut[]; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const [lasting, setLasting] = useState(NEVER);
  const [isTried, setTried] = useState(false);
  const each = useEach();
  const pin = async () => {
    setTried(true);
    const expiresMs = endOf(lasting);
    if (!reason.trim() || expiresMs === undefined) return;
    await each(cuts, async (cut) => void (await addPin(cut, reason.trim(), expiresMs)));
    toast(say('pinned', { n: cuts.length }));
    refreshKept();
    onClose();
  };
  return (
    <ActDialog
      title={say('pinTitle')}
      hint={say('pinHint')}
      cuts={cuts}
      action={say('pinNow')}
      onAct={pin}
      onClose={onClose}
    >
      <ReasonField reason={reason} isTried={isTried} onType={setReason} />
      <LastingField
        lasting={lasting}
        isEndless
        isWrong={isTried && endOf(lasting) === undefined}
        onChange={setLasting}
      />
    </ActDialog>
  );
}
