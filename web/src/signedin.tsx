/** Who looks at the page, and the way out. */

import { useState } from 'preact/hooks';
import { csrfToken } from './api/call';
import { mayConfigure, me } from './me';
import { Button } from './parts/button';
import { Menu } from './parts/menu';
import { say as sayPart } from './parts/words';
import { say } from './shellwords';

function SignOut() {
  const [token, setToken] = useState('');
  const leave = async (event: SubmitEvent) => {
    if (token) return;
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    setToken(await csrfToken());
    form.requestSubmit();
  };
  return (
    <form method="post" action="/logout" onSubmit={leave}>
      <input type="hidden" name="csrf_token" value={token} />
      <Button type="submit">{say('signOut')}</Button>
    </form>
  );
}

export function SignedIn() {
  const role = sayPart(me.role);
  return (
    <Menu icon="down" label={me.name || role}>
      <div class="stack">
        {me.how === 'cookie' && (
          <a class="shell-who" href="/account" title={say('account', { name: me.name, role })}>
            {me.name}
          </a>
        )}
        {me.how === 'network' && <span title={say('network', { role })}>{me.name}</span>}
        <span class="small muted">{role}</span>
        {mayConfigure && <a href="/admin/">{say('administration')}</a>}
        <a href="/swagger/">{say('api')}</a>
        {me.how === 'cookie' && <SignOut />}
        {me.how === 'network' && (
          <a class="button" href="/login">
            {say('signIn')}
          </a>
        )}
      </div>
    </Menu>
  );
}
