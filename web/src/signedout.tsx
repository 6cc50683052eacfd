/** Who is no longer signed in is told so over the page, which goes on once he has signed in again in another tab. */
import { session } from './api/call';
import { Dialog } from './parts/dialog';
import { defineWords } from './words';

const say = defineWords({
  en: {
    title: 'You are signed out',
    kept: 'The session has ended. This page and what you have typed stay as they are: sign in in a new tab, and it goes on by itself.',
    inNewTab: 'Sign in in a new tab',
    here: 'Leave this page and sign in',
  },
  ru: {
    title: 'Вход не выполнен',
    kept: 'Сеанс завершён. Эта страница и всё, что вы ввели, сохраняются: войдите в новой вкладке, и работа продолжится сама.',
    inNewTab: 'Войти в новой вкладке',
    here: 'Покинуть страницу и войти',
  },
  vi: {
    title: 'Bạn đã đăng xuất',
    kept: 'Phiên làm việc đã kết thúc. Trang này và những gì bạn đã nhập vẫn được giữ: hãy đăng nhập ở thẻ mới, trang sẽ tự tiếp tục.',
    inNewTab: 'Đăng nhập ở thẻ mới',
    here: 'Rời trang này và đăng nhập',
  },
});

const backHere = (): string => `/login?next=${encodeURIComponent(location.pathname + location.search)}`;

function InNewTab() {
  return (
    <a class="button is-main" href="/login" target="_blank" rel="noopener">
      {say('inNewTab')}
    </a>
  );
}

/** The notice; a dialog at first, and a line above the page when that was closed. */
export function SignedOut() {
  if (session.value === 'open') return null;
  if (session.value === 'noted')
    return (
      <p class="shell-lost">
        {say('title')}. <InNewTab />
      </p>
    );
  const close = () => {
    session.value = 'noted';
  };
  return (
    <Dialog title={say('title')} onClose={close}>
      <p>{say('kept')}</p>
      <div class="dialog-buttons">
        <a class="button" href={backHere()}>
          {say('here')}
        </a>
        <InNewTab />
      </div>
    </Dialog>
  );
}
