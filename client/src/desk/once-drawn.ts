/** Moves the focus a frame from now, when what it goes to is drawn, unless somebody has moved it elsewhere meanwhile. */
export function onceDrawn(focus: () => void): void {
  const before = document.activeElement;
  requestAnimationFrame(() => {
    const now = document.activeElement;
    if (now === before || now === document.body || now === null) focus();
  });
}
