/** What all of it comes to: the age that is needed, the joined comments with their vote, the report to take along. */
import { useSignal } from '@preact/signals';
import { type HandedFile, type Rating, type Report, recommend, reportPath } from '../api/files';
import { may } from '../me';
import { Button } from '../parts/button';
import { ErrorText } from '../parts/shown';
import { audienceText } from './cinemaform';
import type { OpenedFile } from './opened';
import { say } from './panelwords';
import { SeverityMark, SeverityWord } from './severity';
import { unsureOf } from './unsure';

const VERDICTS = { fits: 'good', does_not_fit: 'danger', unknown: 'warning' } as const;

/** Why it is not known whether the film fits; the service's own words where they are not known here. */
function Unsure({ rating }: { rating: Rating }) {
  if (rating.verdict !== 'unknown') return null;
  const isAimless = rating.target_audience === '----';
  return (
    <>
      {isAimless && <p>{say('noAudience')}</p>}
      {rating.unsure.map((entry) => {
        const found = unsureOf(entry);
        return (
          <p key={entry}>
            {found ? <bdi>{say(found.key, { names: found.names })}</bdi> : <bdi lang="en">{entry}</bdi>}
          </p>
        );
      })}
    </>
  );
}

function ResultFile({ id, name }: { id: number; name: string }) {
  return (
    <p>
      <bdi>{say('resultFile', { name })}</bdi>{' '}
      <a href={`/files/${id}/result/file`} download>
        {say('download')}
      </a>
    </p>
  );
}

/** The ages that are needed and wanted, and why. */
function Ages({ rating }: { rating: Rating }) {
  return (
    <dl class="files-facts">
      <dt>{say('needed')}</dt>
      <dd>{rating.needed ?? say('needsNone')}</dd>
      <dt>{say('wanted')}</dt>
      <dd>{audienceText(rating.target_audience)}</dd>
      {rating.because.length > 0 && (
        <>
          <dt>{say('because')}</dt>
          <dd>
            {rating.because.slice(0, 10).map(({ violation, severity }) => (
              <div key={violation} class="row">
                <SeverityMark severity={severity} />
                <bdi>{violation}</bdi>
              </div>
            ))}
          </dd>
        </>
      )}
      {rating.labels.length > 0 && (
        <>
          <dt>{say('labels')}</dt>
          <dd>{rating.labels.join(' · ')}</dd>
        </>
      )}
    </dl>
  );
}

export function ReportPanel({ file: { id }, report: { rating, result } }: { file: HandedFile; report: Report }) {
  return (
    <section class="panel stack" aria-labelledby="files-report">
      <h2 id="files-report">{say('report')}</h2>
      {!result && <p class="muted">{say('noResult')}</p>}
      {result?.kind === 'file' && <ResultFile id={id} name={result.name ?? ''} />}
      <p>
        <span class="badge" data-kind={VERDICTS[rating.verdict]}>
          {say(rating.verdict)}
        </span>
      </p>
      <Unsure rating={rating} />
      <Ages rating={rating} />
      <div class="row">
        <a class="button is-main" href={reportPath(id, 'html')} target="_blank" rel="noopener">
          {say('reportHtml')}
        </a>
        <a class="button" href={reportPath(id, 'xlsx')} download>
          XLSX
        </a>
        <a class="button" href={reportPath(id, 'json')} download={`report-${id}.json`}>
          JSON
        </a>
      </div>
    </section>
  );
}

function Joined({ title, text }: { title: string; text: string }) {
  return (
    <>
      <h3 class="small muted">{title}</h3>
      <p class="files-said" dir="auto">
        {text || say('nobody')}
      </p>
    </>
  );
}

export function RecommendationPanel({ opened, report, refer }: { opened: OpenedFile; report: Report; refer: string }) {
  const error = useSignal<unknown>(null);
  const { recommendation } = report;
  const join = async () => {
    try {
      await recommend(refer);
      error.value = null;
    } catch (reason) {
      error.value = reason;
    }
    await opened.refresh('report');
  };
  return (
    <section class="panel stack" aria-labelledby="files-recommendation">
      <h2 id="files-recommendation">{say('recommendation')}</h2>
      {recommendation ? (
        <>
          <p class="row">
            <span class="muted">{say('vote')}</span> <SeverityWord severity={recommendation.severity} />
          </p>
          <Joined title={say('people')} text={recommendation.user} />
          <Joined title={say('ai')} text={recommendation.ai} />
        </>
      ) : (
        <>
          <p class="muted">{say('recommendNone')}</p>
          {may('operator') && report.counts.comments > 0 && (
            <div>
              <Button onClick={() => void join()}>{say('recommend')}</Button>
            </div>
          )}
        </>
      )}
      <ErrorText error={error.value} />
    </section>
  );
}
