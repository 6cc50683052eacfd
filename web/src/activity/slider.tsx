/** A slider of shares of the picture, with what it stands for beside it. */
import { useId } from 'preact/hooks';
import { placeOf, STEPS, shareAt } from './threshold';
import { say, shareText } from './words';

interface SliderProps {
  label: string;
  /** Said to screen readers in place of `label`, where that is too short by itself. */
  name?: string;
  share: number;
  /** Called with each step while it is moved. */
  onInput: (share: number) => void;
  /** Called once it is let go. */
  onChange?: (share: number) => void;
  disabled?: boolean;
}

export function ShareSlider({ label, name, share, onInput, onChange, disabled = false }: SliderProps) {
  const id = useId();
  return (
    <div class="activity-slider">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="range"
        data-own-keys
        min={0}
        max={STEPS}
        value={placeOf(share)}
        disabled={disabled}
        aria-label={name}
        aria-valuetext={say('share', { share: shareText(share) })}
        onInput={(event) => onInput(shareAt(event.currentTarget.valueAsNumber))}
        onChange={(event) => onChange?.(shareAt(event.currentTarget.valueAsNumber))}
      />
      <span aria-hidden="true">{shareText(share)}</span>
    </div>
  );
}
