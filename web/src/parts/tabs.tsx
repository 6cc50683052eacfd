import { useRef } from 'preact/hooks';

interface TabsProps<Name extends string> {
  label: string;
  tabs: { name: Name; label: string }[];
  chosen: Name;
  onChoose: (name: Name) => void;
}

/** A row of tabs, moved through by arrows (WAI-ARIA APG, tabs with automatic activation); `panelId` names the panel. */
export function Tabs<Name extends string>({ label, tabs, chosen, onChoose }: TabsProps<Name>) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex((tab) => tab.name === chosen);
    const steps: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
    const step = steps[event.key];
    const next = step === undefined ? undefined : tabs[(step + tabs.length) % tabs.length];
    if (!next) return;
    event.preventDefault();
    onChoose(next.name);
    list.current?.querySelector<HTMLElement>(`#tab-${next.name}`)?.focus();
  };
  return (
    <div ref={list} class="tabs" role="tablist" aria-label={label} tabIndex={-1} onKeyDown={move} data-own-keys>
      {tabs.map(({ name, label: text }) => (
        <button
          key={name}
          id={`tab-${name}`}
          type="button"
          role="tab"
          aria-selected={name === chosen}
          aria-controls={panelId(name)}
          tabIndex={name === chosen ? 0 : -1}
          onClick={() => onChoose(name)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

/** The id of the element that shows what a tab is about: `role="tabpanel"`, `aria-labelledby={`tab-${name}`}`. */
export const panelId = (name: string): string => `panel-${name}`;
