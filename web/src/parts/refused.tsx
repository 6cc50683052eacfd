/** What the service refused, entry by entry, in the user's language; its own sentence beside it where it tells more. */
import { type Detail, told } from '../api/refusals';

interface RefusedProps {
  entries: Detail[];
  /** They stand at the field that they are of. */
  isAtField?: boolean;
}

export function Refused({ entries, isAtField = false }: RefusedProps) {
  return (
    <>
      {entries.map((entry) => {
        const { text, more } = told(entry, isAtField);
        return (
          <span key={`${entry.loc} ${entry.msg}`} class="refused">
            {text}
            {more && (
              <>
                {' '}
                <small lang="en">{more}</small>
              </>
            )}
          </span>
        );
      })}
    </>
  );
}
