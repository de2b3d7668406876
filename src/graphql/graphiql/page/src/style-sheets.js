// Stands in for react-style-singleton, which writes <style> elements: the page's policy forbids those, and allows
// sheets that a script constructs.
import { useEffect } from 'react';

/** A component whose `styles` are in force while it is shown. */
export function styleSingleton() {
  return function Styles({ styles }) {
    useEffect(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(styles);
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
      return () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
      };
    }, [styles]);
    return null;
  };
}
