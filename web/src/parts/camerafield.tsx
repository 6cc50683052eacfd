import { Field } from './field';
import { say } from './words';

interface CameraFieldProps {
  cameras: readonly { id: number; name: string }[];
  /** The id that is chosen, as it stands in an address; empty: none. */
  value: string;
  /** What is chosen where no camera is; left out where one must be. */
  none?: string;
  onChoose: (id: string) => void;
}

/** One camera, chosen from a list. */
export function CameraField({ cameras, value, none, onChoose }: CameraFieldProps) {
  return (
    <Field label={say('camera')}>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {cameras.map(({ id, name }) => (
          <option key={id} value={String(id)}>
            {name}
          </option>
        ))}
      </select>
    </Field>
  );
}
