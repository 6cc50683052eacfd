/** Who looks at the page, and the way out. */

import { useRef } from 'preact/hooks';
import { csrfToken, fallSilent } from './api/call';
import { mayConfigure, me } from './me';
import { Button } from './parts/button';
import { Menu } from './parts/menu';
import { say as sayPart } from './parts/words';
import { say } from './shellwords';

function SignOut() {
  const token = useRef<HTMLInputElement>(null);
  const leave = async (event: SubmitEvent) => {
    event.preventDefault();
    if (token.current) token.current.value = await csrfToken();
    await fallSilent();
    token.current?.form?.submit();
  };
  return (
    <form method="post" action="/logout" onSubmit={leave}>
      <input ref={token} type="hidden" name="csrf_token" />
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
