/** What the analysis is asked: `POST /cinema/`. It can be filled as soon as the file has a number. */

import { useEffect, useState } from 'preact/hooks';
import { AUDIENCES, type Audience, type CinemaInput, changeCinema, reportOf, startCinema } from '../api/files';
import { Button } from '../parts/button';
import { Field } from '../parts/field';
import { ErrorText } from '../parts/shown';
import { toast } from '../parts/toasts';
import { say as sayPart } from '../parts/words';
import { say } from './words';

interface CinemaFormProps {
  fileId: number;
  /** What was asked before; null: nothing yet. */
  before: CinemaInput | null;
  onSaved?: () => void;
}

export const audienceText = (audience: Audience): string => (audience === '----' ? say('notSaid') : audience);

/** What is typed, and storing it: the first time it begins the analysis. */
function useCinema({ fileId, before, onSaved }: CinemaFormProps) {
  const [audience, setAudience] = useState<Audience>(before?.target_audience ?? '----');
  const [comment, setComment] = useState(before?.comment ?? '');
  const [saved, setSaved] = useState(before);
  const [error, setError] = useState<unknown>(null);
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const work = saved ? changeCinema : startCinema;
      const cinema = await work(fileId, { target_audience: audience, comment });
      setSaved(cinema);
      setError(null);
      toast(say('saved'));
      onSaved?.();
    } catch (reason) {
      setError(reason);
    }
  };
  const isSame = saved !== null && saved.target_audience === audience && saved.comment === comment;
  return { audience, setAudience, comment, setComment, isNew: !saved, isSame, error, save };
}

export function CinemaForm(props: CinemaFormProps) {
  const { audience, setAudience, comment, setComment, isNew, isSame, error, save } = useCinema(props);
  return (
    <form class="files-cinema" onSubmit={(event) => void save(event)}>
      <Field label={say('audience')}>
        <select value={audience} onChange={(event) => setAudience(event.currentTarget.value as Audience)}>
          {AUDIENCES.map((one) => (
            <option key={one} value={one}>
              {audienceText(one)}
            </option>
          ))}
        </select>
      </Field>
      <Field label={say('remark')}>
        <textarea
          rows={2}
          maxLength={4096}
          dir="auto"
          value={comment}
          onInput={(event) => setComment(event.currentTarget.value)}
        />
      </Field>
      <ErrorText error={error} />
      <div class="row">
        <Button type="submit" disabled={isSame}>
          {sayPart('save')}
        </Button>
        {isNew && <span class="small muted">{say('startsAgain')}</span>}
      </div>
    </form>
  );
}

/** The form of a file of which nothing is known here yet: an upload that was gone on with may have one. */
export function CinemaOf({ fileId }: { fileId: number }) {
  const [before, setBefore] = useState<CinemaInput | null | undefined>(undefined);
  useEffect(() => {
    reportOf(fileId).then(
      (report) => setBefore(report.form),
      () => setBefore(null), // saving will say what is wrong
    );
  }, [fileId]);
  return before === undefined ? null : <CinemaForm fileId={fileId} before={before} />;
}
