import type { AnchorHTMLAttributes, ComponentChildren } from 'preact';
import { navigate, type PageName, pathOf, type Query } from '../route';

type Native = Pick<
  AnchorHTMLAttributes<HTMLAnchorElement>,
  'class' | 'title' | 'aria-label' | 'aria-current' | 'target' | 'id'
>;
interface LinkProps extends Native {
  page: PageName;
  query?: Query;
  children: ComponentChildren;
}

/** A link to a page of ours that needs no loading; opened in a new tab it works as any link. */
export function Link({ page, query = {}, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.ctrlKey ||
      event.metaKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    event.preventDefault();
    navigate(page, query);
  };
  return (
    <a {...rest} href={pathOf(page, query)} onClick={follow}>
      {children}
    </a>
  );
}
