/** The name that a Content-Disposition gives a file (RFC 6266, RFC 8187); null where it gives none. */
export function nameIn(disposition: string | null): string | null {
  const coded = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '')?.[1];
  if (coded) return decodeURIComponent(coded);
  return /filename="([^"]+)"/i.exec(disposition ?? '')?.[1] ?? null;
}
