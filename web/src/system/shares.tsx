/** Share links: what each shows, how often it was opened, and revoking it. */
import { useState } from 'preact/hooks';
import { revokeShare, type Share, shares } from '../api/shares';
import { cameraName } from '../cameras';
import { isoOf, numberText, spanText } from '../instants';
import { useAsked } from '../parts/asked';
import { Button } from '../parts/button';
import { Confirm } from '../parts/confirm';
import { Link } from '../parts/link';
import { type Column, Table } from '../parts/table';
import { toast } from '../parts/toasts';
import { Badge, Loaded, When } from './shared';
import { say } from './tokenswords';
import { say as sayShared } from './words';

const shownText = (share: Share): string => spanText(Date.parse(share.start_utc), Date.parse(share.end_utc));

const columnsOf = (revoke: (share: Share) => void): Column<Share>[] => [
  {
    name: 'camera',
    label: say('camera'),
    cell: (one) => cameraName(one.source_id),
    order: (one) => cameraName(one.source_id),
  },
  {
    name: 'span',
    label: say('span'),
    cell: (one) => (
      <>
        <Link page="timeline" query={{ cameras: String(one.source_id), at: isoOf(Date.parse(one.start_utc)) }}>
          {shownText(one)}
        </Link>
        {one.description && <span class="small muted system-detail">{one.description}</span>}
      </>
    ),
    order: (one) => one.start_utc,
  },
  { name: 'by', label: say('by'), cell: (one) => one.created_by, order: (one) => one.created_by },
  {
    name: 'opened',
    label: say('opened'),
    cell: (one) => (
      <>
        {one.count === null
          ? numberText(one.uses)
          : say('openedOf', { uses: numberText(one.uses), count: numberText(one.count) })}
        {one.last_used_utc !== null && (
          <span class="small muted system-detail">
            <When utc={one.last_used_utc} />
          </span>
        )}
      </>
    ),
    order: (one) => one.uses,
  },
  {
    name: 'expires',
    label: say('expires'),
    cell: (one) => <When utc={one.expires_utc} />,
    order: (one) => one.expires_utc,
  },
  {
    name: 'state',
    label: say('shareState'),
    cell: (one) => (
      <span class="row">
        <Badge kind={one.is_active ? 'good' : undefined}>{say(one.is_active ? 'works' : 'over')}</Badge>
        {one.has_password && <Badge>{say('password')}</Badge>}
        {one.may_download && <Badge>{say('download')}</Badge>}
      </span>
    ),
    order: (one) => Number(!one.is_active),
  },
  {
    name: 'actions',
    label: sayShared('actions'),
    cell: (one) =>
      one.is_active && (
        <Button
          kind="quiet"
          aria-label={`${say('revoke')}: ${cameraName(one.source_id)}, ${shownText(one)}`}
          onClick={() => revoke(one)}
        >
          {say('revoke')}
        </Button>
      ),
  },
];

export function Shares() {
  const asked = useAsked((ending) => shares(null, ending));
  const [chosen, setChosen] = useState<Share | null>(null);
  const name = chosen ? cameraName(chosen.source_id) : '';
  return (
    <section class="panel stack">
      <h2>{say('shares')}</h2>
      <p class="small muted">{say('sharesAbout')}</p>
      <Loaded asked={asked}>
        {(list) =>
          list.length ? (
            <Table caption={say('shares')} columns={columnsOf(setChosen)} rows={list} keyOf={(one) => one.id} />
          ) : (
            <p class="muted">{say('noShares')}</p>
          )
        }
      </Loaded>
      {chosen && (
        <Confirm
          title={say('titleRevokeShare', { name })}
          action={say('actRevokeShare', { name })}
          act={() => revokeShare(chosen.id)}
          onClose={() => setChosen(null)}
          onDone={() => {
            toast(say('shareRevoked', { name }));
            asked.again();
          }}
        >
          <p>{say('textRevokeShare', { span: shownText(chosen) })}</p>
        </Confirm>
      )}
    </section>
  );
}
