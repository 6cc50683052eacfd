import { Spinner } from '../parts/shown';

export default function Page() {
  return <Spinner />;
}
