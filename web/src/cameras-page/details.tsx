/** One camera: all that is known of it, and what can be done. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ActivitySwitch } from '../activity/switch';
import * as api from '../api/cameras';
import { type Camera, groups } from '../cameras';
import { momentText } from '../instants';
import { may, mayConfigure } from '../me';
import { Button } from '../parts/button';
import { CameraSaid } from '../parts/camerasaid';
import { Dialog } from '../parts/dialog';
import { Link } from '../parts/link';
import { ErrorText, Lamp } from '../parts/shown';
import { toast } from '../parts/toasts';
import { changeQuery } from '../route';
import { videoText } from './facts';
import { codecName, measuredSoon, measures, wantMeasured } from './measured';
import { say } from './words';

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children || '–'}</dd>
    </>
  );
}

function Facts({ camera }: { camera: Camera }) {
  const found = measures.value.get(camera.id);
  const names = groups.value.filter(({ id }) => camera.groupIds.includes(id)).map(({ name }) => name);
  return (
    <dl class="cameras-facts">
      <Fact name={say('status')}>
        <span class="row">
          <Lamp camera={camera} isWordShown />
        </span>
        {found?.detail && (
          <p>
            <CameraSaid detail={found.detail} />
          </p>
        )}
        {found?.measured_utc && (
          <p class="small muted">{say('isFound', { at: momentText(Date.parse(found.measured_utc)) })}</p>
        )}
      </Fact>
      <Fact name={say('address')}>
        <span class="code" translate={false}>
          {camera.address}
        </span>
      </Fact>
      <Fact name={say('model')}>{say(camera.model)}</Fact>
      <Fact name={say('video')}>{found?.video && videoText({ ...found.video, fps: found.video.frame_rate })}</Fact>
      <Fact name={say('sound')}>{found && (found.audio ? codecName(found.audio.codec) : say('noSound'))}</Fact>
      <Fact name={say('groups')}>{names.join(', ')}</Fact>
      <Fact name={say('tags')}>
        {camera.tags.map(({ name, sinceMs }) => say('since', { name, at: momentText(sinceMs) })).join('; ')}
      </Fact>
    </dl>
  );
}

function Measure({ id }: { id: number }) {
  const [error, setError] = useState<unknown>(null);
  const measure = async () => {
    try {
      await api.measureNow(id);
      measuredSoon(id);
      toast(say('isMeasured'));
    } catch (reason) {
      setError(reason);
    }
  };
  return (
    <>
      <Button onClick={measure}>{say('measure')}</Button>
      <ErrorText error={error} />
    </>
  );
}

export function Details({ camera, onClose }: { camera: Camera; onClose: () => void }) {
  useEffect(() => wantMeasured([camera]), [camera]);
  return (
    <Dialog title={camera.name} onClose={onClose}>
      <Facts camera={camera} />
      <div class="cameras-activity">
        <ActivitySwitch sourceId={camera.id} />
      </div>
      {!mayConfigure && may('admin') && <p class="small muted">{say('forViewers')}</p>}
      <div class="dialog-buttons">
        <Link page="timeline" query={{ cameras: String(camera.id) }} class="button">
          {say('watch')}
        </Link>
        {may('operator') && <Measure id={camera.id} />}
        {mayConfigure && (
          <>
            <Button icon="bin" kind="danger" onClick={() => changeQuery({ do: 'remove' })}>
              {say('removeShort')}
            </Button>
            <Button icon="edit" kind="main" onClick={() => changeQuery({ do: 'edit' })}>
              {say('editShort')}
            </Button>
          </>
        )}
      </div>
    </Dialog>
  );
}
