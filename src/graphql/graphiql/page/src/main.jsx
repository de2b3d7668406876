// The page at /graphql: GraphiQL, and a bar to sign in with.
import { useMemo, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import './page.css';
import { makeFetcher } from './fetcher.js';
import { SignInBar } from './sign-in-bar.jsx';
import * as session from './session.js';
import startQuery from './start.graphql';

function Page() {
  const person = useSyncExternalStore(session.subscribe, session.person);
  // Another person may see another schema, so the documentation is read again.
  const fetcher = useMemo(makeFetcher, [person]);
  return (
    <>
      <SignInBar person={person} />
      <GraphiQL fetcher={fetcher} defaultQuery={startQuery} isHeadersEditorEnabled={false} shouldPersistHeaders={false}>
        <GraphiQL.Logo>{null}</GraphiQL.Logo>
      </GraphiQL>
    </>
  );
}

createRoot(document.getElementById('page')).render(<Page />);
