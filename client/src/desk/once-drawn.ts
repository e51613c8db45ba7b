/** Moves the focus a frame or two from now, when what it goes to is drawn, unless somebody has moved it elsewhere meanwhile. */
export function onceDrawn(focus: () => void, frames = 1): void {
  const before = document.activeElement;
  const wait = (left: number) => {
    requestAnimationFrame(() => {
      const now = document.activeElement;
      if (left > 1) wait(left - 1);
      else if (now === before || now === document.body || now === null) focus();
    });
  };
  wait(frames);
}
