import { type ClipboardEvent, type DragEvent, useState } from "react";

/** Files that are dropped or pasted into an element. */
export function useFileDrop(attach: (files: readonly File[]) => void) {
  const [dropping, setDropping] = useState(false);
  return {
    dropping,
    target: {
      onDragOver: (event: DragEvent) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setDropping(true);
      },
      onDragLeave: (event: DragEvent) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDropping(false);
      },
      onDrop: (event: DragEvent) => {
        setDropping(false);
        const files = filesIn(event.dataTransfer);
        if (files.length === 0) return;
        event.preventDefault();
        attach(files);
      },
    },
    onPaste: (event: ClipboardEvent) => {
      const files = filesIn(event.clipboardData);
      // Text that was copied with a picture of itself is meant as text.
      if (files.length === 0 || event.clipboardData.types.includes("text/plain")) return;
      event.preventDefault();
      attach(files);
    },
  };
}

/** The files that were dropped or pasted; folders are none. */
function filesIn(data: Pick<DataTransfer, "files" | "items">): File[] {
  const items = [...(data.items ?? [])].filter((item) => item.kind === "file");
  if (items.length === 0) return [...(data.files ?? [])];
  return items.flatMap((item) => {
    if (item.webkitGetAsEntry?.()?.isDirectory) return [];
    return item.getAsFile() ?? [];
  });
}
