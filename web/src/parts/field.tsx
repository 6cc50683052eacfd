import { cloneElement, type HTMLAttributes, type VNode } from 'preact';
import { useId } from 'preact/hooks';
import type { Detail } from '../api/refusals';
import { Refused } from './refused';

interface FieldProps {
  label: string;
  hint?: string;
  /** In words of the page, or what the service said of it. */
  error?: string | Detail[];
  /** One input, select or textarea. */
  children: VNode<HTMLAttributes>;
}

/** A control with its label, what helps to fill it, and what is wrong with what stands in it. */
export function Field({ label, hint = '', error = '', children }: FieldProps) {
  const id = useId();
  const isWrong = error.length > 0;
  const about = [hint && `${id}-hint`, isWrong && `${id}-error`].filter(Boolean).join(' ');
  const control = cloneElement(children, {
    id,
    ...(about && { 'aria-describedby': about }),
    ...(isWrong && { 'aria-invalid': true }),
  });
  return (
    <div class="field">
      <span>
        <label for={id}>{label}</label>
      </span>
      {control}
      {hint && (
        <span id={`${id}-hint`} class="field-hint">
          {hint}
        </span>
      )}
      {isWrong && (
        <span id={`${id}-error`} class="field-error" role="alert">
          {typeof error === 'string' ? error : <Refused entries={error} isAtField />}
        </span>
      )}
    </div>
  );
}

interface CheckProps {
  label: string;
  checked: boolean;
  onChange: (isChecked: boolean) => void;
  disabled?: boolean;
}

export function Check({ label, checked, onChange, disabled = false }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {label}
    </label>
  );
}
