import type { ButtonHTMLAttributes, ComponentChildren } from 'preact';
import { Icon, type IconName } from './icon';

type Native = Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'icon'>;
export interface ButtonProps extends Native {
  kind?: 'main' | 'danger' | 'quiet';
  icon?: IconName;
  children?: ComponentChildren;
}

const classOf = (kind: string | undefined, more: string) => `button${kind ? ` is-${kind}` : ''}${more}`;

/** A button with words, and a picture before them where it helps. */
export function Button({ kind, icon, children, class: more, ...rest }: ButtonProps) {
  return (
    <button type="button" {...rest} class={`${classOf(kind, '')}${more ? ` ${more}` : ''}`}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A button that shows a picture alone: `label` is its name, for ears and as a tip; `hotkey` what stands on its key. */
export function IconButton({
  kind = 'quiet',
  icon,
  label,
  hotkey,
  class: more,
  ...rest
}: ButtonProps & { icon: IconName; label: string; hotkey?: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={hotkey ? `${label} (${hotkey})` : label}
      {...rest}
      class={`${classOf(kind, ' is-icon')}${more ? ` ${more}` : ''}`}
    >
      <Icon name={icon} />
    </button>
  );
}
