/** The address with all that it says, filters and moments too, for whoever comes back from the door. */
export function backHere(): string {
  const { pathname, search, hash } = window.location;
  return encodeURIComponent(pathname + search + hash);
}
