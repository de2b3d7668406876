import { useState } from 'react';
import { signIn, signOut, useToken as actBy } from './session.js';

/** The bar above GraphiQL: who is signed in, or how to. */
export function SignInBar({ person }) {
  const [problem, setProblem] = useState('');
  const attempt = (action) => async (event) => {
    event.preventDefault();
    setProblem('');
    try {
      await action(new FormData(event.target));
    } catch (error) {
      setProblem(error.message);
    }
  };
  return (
    <header className="muster-bar">
      <strong>Muster</strong>
      <span role="alert">{problem}</span>
      {person === null ? <SignIn attempt={attempt} /> : <SignedIn person={person} attempt={attempt} />}
      <a href="graphql/assets/licenses.txt" target="_blank" rel="noreferrer">Licences</a>
    </header>
  );
}

function SignIn({ attempt }) {
  return (
    <>
      <form onSubmit={attempt((form) => signIn(form.get('email'), form.get('password')))}>
        <input name="email" type="email" placeholder="E-mail" aria-label="E-mail" autoComplete="username" required />
        <input name="password" type="password" placeholder="Password" aria-label="Password" autoComplete="current-password" required />
        <button>Sign in</button>
      </form>
      <form onSubmit={attempt((form) => actBy(form.get('token').trim()))}>
        <input name="token" type="password" placeholder="or a token" aria-label="Token" autoComplete="off" required />
        <button>Use token</button>
      </form>
    </>
  );
}

function SignedIn({ person, attempt }) {
  return (
    <form onSubmit={attempt(signOut)}>
      <span>Signed in as {person}</span>
      <button>Sign out</button>
    </form>
  );
}
