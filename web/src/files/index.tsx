/** Files and review: the list, or the one file that the address names: `/view/files?file=7`. */
import { route } from '../route';
import { FilePage } from './file';
import './files.css';
import './panels.css';
import './review.css';
import { FileList } from './list';
import { Said } from './said';

export default function FilesPage() {
  const id = Number(route.value.query.get('file') ?? Number.NaN);
  return (
    <>
      {Number.isInteger(id) && id > 0 ? <FilePage key={id} id={id} /> : <FileList />}
      <Said />
    </>
  );
}
