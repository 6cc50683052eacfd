/** Who looks at the page, as the service said it when it wrote the page. What he may not do is refused there anyway. */
const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface Me {
  name: string;
  role: Role;
  /** `cookie` signed in, `network` served without signing in, `open` everybody may (development). */
  how: string;
  seesAll: boolean;
}

const { who = '', role = '', how = '', allCameras } = document.body.dataset;
export const me: Me = {
  name: who,
  role: ROLES.find((one) => one === role) ?? 'viewer',
  how,
  seesAll: allCameras === 'true',
};

/** Whether the caller has at least this role. */
export function may(least: Role): boolean {
  return ROLES.indexOf(me.role) >= ROLES.indexOf(least);
}

/** Cameras, retention, accounts: for who is an administrator of all cameras. */
export const mayConfigure = may('admin') && me.seesAll;
