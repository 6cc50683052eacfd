/** One file: its film with what was found and said along it, and all that can be done with it. */
import { useEffect, useMemo } from 'preact/hooks';
import type { HandedFile, Report } from '../api/files';
import { may } from '../me';
import { Icon } from '../parts/icon';
import { Link } from '../parts/link';
import { Empty, ErrorText, Spinner } from '../parts/shown';
import { CinemaForm } from './cinemaform';
import { DetailsPanel } from './details';
import { KeyPanel } from './key';
import { type FileEvent, OpenedFile } from './opened';
import { say as sayOfPanels } from './panelwords';
import { RecommendationPanel, ReportPanel } from './report';
import { Review } from './review';
import { say } from './reviewwords';
import { announce } from './said';
import { StatusBadge, statusText } from './status';
import { say as sayOfFiles } from './words';

/** Say what happened while somebody looks at the file. */
function tell(event: FileEvent): void {
  if (event.type === 'status') announce(say('heardStatus', { status: statusText(event.status) }));
  if (event.type === 'result') announce(say('heardResult', { n: event.violations_quantity ?? 0 }));
  if (event.type === 'comment' && event.act === 'created')
    announce(say('heardComment', { name: event.comment?.actor ?? '' }));
  if (event.type === 'download' && may('operator')) announce(say('heardKey'));
}

function useOpened(id: number): OpenedFile {
  const opened = useMemo(() => new OpenedFile(id), [id]);
  useEffect(() => {
    opened.onFresh = tell;
    opened.begin();
    return () => opened.end();
  }, [opened]);
  return opened;
}

function Head({ file, isLive }: { file: HandedFile; isLive: boolean }) {
  return (
    <div class="row files-head">
      <Link class="button is-quiet" page="files">
        <Icon name="left" />
        {sayOfFiles('allFiles')}
      </Link>
      <h1 class="files-name">
        <bdi>{file.name}</bdi>
      </h1>
      <StatusBadge status={file.status} />
      <span class="spring" />
      <span class="small muted row">
        <span class="lamp" data-lamp={isLive ? 'online' : 'waiting'} />
        {say(isLive ? 'live' : 'notLive')}
      </span>
    </div>
  );
}

function CinemaPanel({ opened, file, report }: { opened: OpenedFile; file: HandedFile; report: Report }) {
  if (!may('operator')) return null;
  return (
    <section class="panel stack" aria-labelledby="files-cinema">
      <h2 id="files-cinema">{sayOfPanels('analysisOf')}</h2>
      <CinemaForm fileId={file.id} before={report.form} onSaved={() => void opened.refresh('report', 'key', 'file')} />
    </section>
  );
}

/** Of what has not come yet: that it is asked for, or why it was not told. */
function Pending({ error }: { error: unknown }) {
  return error ? <ErrorText error={error} /> : <Spinner />;
}

function Shown({ opened, file }: { opened: OpenedFile; file: HandedFile }) {
  const { report, key } = opened.known.value;
  const error = opened.error.value;
  return (
    <div class="files-file stack">
      <Head file={file} isLive={opened.isLive.value && !error} />
      {report ? <Review opened={opened} file={file} report={report} /> : <Pending error={error} />}
      <div class="files-panels">
        {report && <ReportPanel file={file} report={report} />}
        {report && <RecommendationPanel opened={opened} report={report} refer={file.refer} />}
        {report && <CinemaPanel opened={opened} file={file} report={report} />}
        {key && <KeyPanel opened={opened} shown={key} />}
        <DetailsPanel file={file} />
      </div>
    </div>
  );
}

export function FilePage({ id }: { id: number }) {
  const opened = useOpened(id);
  const { file } = opened.known.value;
  if (opened.isGone.value)
    return (
      <Empty title={say('gone')}>
        <Link class="button" page="files">
          {sayOfFiles('allFiles')}
        </Link>
      </Empty>
    );
  if (!file) return <Pending error={opened.error.value} />;
  return <Shown opened={opened} file={file} />;
}
