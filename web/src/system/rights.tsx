/** Which cameras an account or a token may see: all, or groups and cameras one by one. */
import type { Rights } from '../api/people';
import { cameras, groups } from '../cameras';
import { Check } from '../parts/field';
import { say } from './userswords';
import { say as sayShared } from './words';

const toggled = <T,>(list: T[], one: T, isIn: boolean): T[] =>
  isIn ? [...list, one] : list.filter((other) => other !== one);

interface RightsProps {
  rights: Rights;
  onChange: (rights: Rights) => void;
  /** A token is bounded by cameras alone. */
  hasGroups?: boolean;
  allLabel?: string;
}

export function RightsFields({ rights, onChange, hasGroups = true, allLabel = sayShared('allCameras') }: RightsProps) {
  const list = cameras.value ?? [];
  return (
    <fieldset class="stack system-rights">
      <legend>{say('maySee')}</legend>
      <Check
        label={allLabel}
        checked={rights.sees_all}
        onChange={(isAll) => onChange({ ...rights, sees_all: isAll })}
      />
      {!rights.sees_all && hasGroups && groups.value.length > 0 && (
        <fieldset class="system-checks">
          <legend class="small muted">{say('groups')}</legend>
          {groups.value.map(({ id, name }) => (
            <Check
              key={id}
              label={name}
              checked={rights.group_ids.includes(id)}
              onChange={(isIn) => onChange({ ...rights, group_ids: toggled(rights.group_ids, id, isIn) })}
            />
          ))}
        </fieldset>
      )}
      {!rights.sees_all && (
        <fieldset class="system-checks">
          <legend class="small muted">{say('cameras')}</legend>
          {list.map(({ id, name }) => (
            <Check
              key={id}
              label={name}
              checked={rights.source_ids.includes(id)}
              onChange={(isIn) => onChange({ ...rights, source_ids: toggled(rights.source_ids, id, isIn) })}
            />
          ))}
        </fieldset>
      )}
    </fieldset>
  );
}
