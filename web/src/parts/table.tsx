import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { language } from '../words';

export interface Column<Row> {
  name: string;
  label: string;
  /** What a cell shows. */
  cell: (row: Row) => ComponentChildren;
  /** What the rows are sorted by when this head is pressed; left out: it cannot be. */
  order?: (row: Row) => string | number | null;
}

interface TableProps<Row> {
  /** The name of the table, for ears alone. */
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  keyOf: (row: Row) => string | number;
}

function compare(one: string | number | null, other: string | number | null): number {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return String(one).localeCompare(String(other), language.peek(), { numeric: true });
}

interface HeadProps {
  label: string;
  direction: 'ascending' | 'descending' | undefined;
  /** Undefined: nothing can be sorted by it. */
  onSort: (() => void) | undefined;
}

function Head({ label, direction, onSort }: HeadProps) {
  return (
    <th scope="col" aria-sort={direction}>
      {onSort ? (
        <button type="button" class="table-sort" onClick={onSort}>
          {label}
        </button>
      ) : (
        label
      )}
    </th>
  );
}

/** A table whose heads sort it. On a narrow screen each row is a card: a cell says its column's name (base.css). */
export function Table<Row>({ caption, columns, rows, keyOf }: TableProps<Row>) {
  const [sorting, setSorting] = useState<{ name: string; isDown: boolean } | null>(null);
  const order = columns.find((column) => column.name === sorting?.name)?.order;
  const sorted = order
    ? rows.toSorted((one, other) => compare(order(one), order(other)) * (sorting?.isDown ? -1 : 1))
    : rows;
  const direction = sorting?.isDown ? 'descending' : 'ascending';
  return (
    <div class="table-box">
      <table class="table-cards">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ name, label, order: by }) => (
              <Head
                key={name}
                label={label}
                direction={sorting?.name === name ? direction : undefined}
                onSort={by && (() => setSorting({ name, isDown: sorting?.name === name && !sorting.isDown }))}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ name, label, cell }) => (
                <td key={name} data-label={label}>
                  <div>{cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
