/** Addresses as a form shows them: user and password in fields of their own, whatever characters they hold. */

export interface Parts {
  /** The address without user and password. */
  bare: string;
  user: string;
  /** The mask where the service keeps one. */
  password: string;
}

export const MASK = '***';
const ADDRESS = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)(.*)$/is;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

/** Take user and password out of an address; what is no address stays as it is. */
export function split(address: string): Parts {
  const [, scheme = '', authority = '', rest = ''] = ADDRESS.exec(address.trim()) ?? [];
  const at = authority.lastIndexOf('@');
  if (at < 0) return { bare: address.trim(), user: '', password: '' };
  const [user = '', ...secret] = authority.slice(0, at).split(':');
  return {
    bare: `${scheme}${authority.slice(at + 1)}${rest}`,
    user: decoded(user),
    password: decoded(secret.join(':')),
  };
}

/** Put user and password into an address, percent-encoded; one that has a user already stays as it is. */
export function join({ bare, user, password }: Parts): string {
  const [, scheme = '', authority = '', rest = ''] = ADDRESS.exec(bare.trim()) ?? [];
  if (!scheme || authority.includes('@') || !(user || password)) return bare.trim();
  const secret = password ? `:${password === MASK ? MASK : encodeURIComponent(password)}` : '';
  return `${scheme}${encodeURIComponent(user)}${secret}@${authority}${rest}`;
}

/** What makes two addresses the same camera: everything but user, password and the way that the host is written. */
export function placeOf(address: string): string {
  const [, scheme = '', authority = '', rest = ''] = ADDRESS.exec(split(address).bare) ?? [];
  return `${scheme}${authority}`.toLowerCase() + rest.replace(/\/$/, '');
}
