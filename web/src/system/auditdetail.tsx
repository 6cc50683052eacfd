/** The values of an act: their names and what is of fixed words in the language of the page, what people wrote as it is. */
import { isFieldName, sayField } from '../api/fieldnames';
import { cameraName } from '../cameras';
import { momentText, numberText } from '../instants';
import { areaText } from './areas';
import { sayName } from './auditnames';
import { valueWord } from './auditvalues';

type Values = Record<string, unknown>;
const isValues = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const ITEMS: Record<string, (item: unknown) => string> = {
  endpoints: (item) => areaText(String(item)),
  fields: (item) => (isFieldName(String(item)) ? sayField(item as Parameters<typeof sayField>[0]) : String(item)),
  source_ids: (item) => cameraName(Number(item)),
};

function itemText(name: string, item: unknown): string {
  const known = ITEMS[name]?.(item) ?? valueWord(name, item);
  if (known !== null) return known;
  if (typeof item === 'string') return item;
  return typeof item === 'number' ? numberText(item, 3) : JSON.stringify(item);
}

/** A value; an instant as the rest of the page has it, with what is stored beside it. */
function Value({ name, value }: { name: string; value: unknown }) {
  if (isValues(value)) return <Detail detail={value} />;
  if (Array.isArray(value)) return <>{value.map((item) => itemText(name, item)).join(', ')}</>;
  const ms = name.endsWith('_utc') && typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) return <>{valueWord(name, value) ?? itemText(name, value)}</>;
  return (
    <>
      {momentText(ms)} <span class="muted">({String(value)})</span>
    </>
  );
}

export function Detail({ detail }: { detail: Values }) {
  const entries = Object.entries(detail);
  if (!entries.length) return <span class="muted">–</span>;
  return (
    <dl class="system-values">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{sayName(name) ?? <code translate={false}>{name}</code>}</dt>
          <dd dir="auto">
            <Value name={name} value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
