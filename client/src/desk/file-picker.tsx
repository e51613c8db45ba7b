import { forwardRef } from "react";
import { strings } from "@/app/strings/strings";

/** What a button opens to choose files. */
export const FilePicker = forwardRef<HTMLInputElement, { onPick: (files: readonly File[]) => void }>(
  function FilePicker({ onPick }, ref) {
    return (
      <input
        ref={ref}
        type="file"
        multiple
        hidden
        aria-label={strings.files.attach}
        onChange={(event) => {
          onPick([...(event.target.files ?? [])]);
          // The same file may be chosen again.
          event.target.value = "";
        }}
      />
    );
  },
);
