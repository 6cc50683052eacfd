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

function Span({ share }: { share: Share }) {
  return (
    <>
      <Link page="timeline" query={{ cameras: String(share.source_id), at: isoOf(Date.parse(share.start_utc)) }}>
        {shownText(share)}
      </Link>
      {share.description && <span class="small muted system-detail">{share.description}</span>}
    </>
  );
}

function Opened({ share: { uses, count, last_used_utc: lastUsed } }: { share: Share }) {
  return (
    <>
      {count === null ? numberText(uses) : say('openedOf', { uses: numberText(uses), count: numberText(count) })}
      {lastUsed !== null && (
        <span class="small muted system-detail">
          <When utc={lastUsed} />
        </span>
      )}
    </>
  );
}

function State({ share }: { share: Share }) {
  return (
    <span class="row">
      <Badge kind={share.is_active ? 'good' : undefined}>{say(share.is_active ? 'works' : 'over')}</Badge>
      {share.has_password && <Badge>{say('password')}</Badge>}
      {share.may_download && <Badge>{say('download')}</Badge>}
    </span>
  );
}

function Revoke({ share, revoke }: { share: Share; revoke: (share: Share) => void }) {
  const label = `${say('revoke')}: ${cameraName(share.source_id)}, ${shownText(share)}`;
  return (
    <Button kind="quiet" aria-label={label} onClick={() => revoke(share)}>
      {say('revoke')}
    </Button>
  );
}

const columnsOf = (revoke: (share: Share) => void): Column<Share>[] => [
  {
    name: 'camera',
    label: say('camera'),
    cell: (one) => cameraName(one.source_id),
    order: (one) => cameraName(one.source_id),
  },
  { name: 'span', label: say('span'), cell: (one) => <Span share={one} />, order: (one) => one.start_utc },
  { name: 'by', label: say('by'), cell: (one) => one.created_by, order: (one) => one.created_by },
  { name: 'opened', label: say('opened'), cell: (one) => <Opened share={one} />, order: (one) => one.uses },
  {
    name: 'expires',
    label: say('expires'),
    cell: (one) => <When utc={one.expires_utc} />,
    order: (one) => one.expires_utc,
  },
  {
    name: 'state',
    label: say('shareState'),
    cell: (one) => <State share={one} />,
    order: (one) => Number(!one.is_active),
  },
  {
    name: 'actions',
    label: sayShared('actions'),
    cell: (one) => one.is_active && <Revoke share={one} revoke={revoke} />,
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
