/** Values of the audit log that are words themselves, by the name of the value: `scope.all`. */
import { KINDS } from '../clips/forms';
import { say as sayForm } from '../clips/takewords';
import { say as sayPart } from '../parts/words';
import { knownOf } from './auditacts';

const VALUES = {
  en: {
    'model.Source': 'video stream',
    'model.PictureSource': 'still pictures',
    'scope.all': 'all cameras',
    'scope.group': 'a group',
    'scope.tag': 'a tag',
    'scope.source': 'a camera',
    'kind.upload': 'upload',
    'kind.footage': 'footage',
    'how.tus': 'in parts (tus)',
    'how.multipart': 'in one piece',
    'wrong.password': 'the password',
    'wrong.code': 'the code',
    'is.true': 'yes',
    'is.false': 'no',
    'is.null': 'none',
  },
  ru: {
    'model.Source': 'видеопоток',
    'model.PictureSource': 'отдельные снимки',
    'scope.all': 'все камеры',
    'scope.group': 'группа',
    'scope.tag': 'метка',
    'scope.source': 'камера',
    'kind.upload': 'загруженный',
    'kind.footage': 'запись с камеры',
    'how.tus': 'по частям (tus)',
    'how.multipart': 'целиком',
    'wrong.password': 'пароль',
    'wrong.code': 'код',
    'is.true': 'да',
    'is.false': 'нет',
    'is.null': 'нет',
  },
  vi: {
    'model.Source': 'luồng video',
    'model.PictureSource': 'ảnh tĩnh',
    'scope.all': 'mọi camera',
    'scope.group': 'một nhóm',
    'scope.tag': 'một nhãn',
    'scope.source': 'một camera',
    'kind.upload': 'tải lên',
    'kind.footage': 'bản ghi camera',
    'how.tus': 'từng phần (tus)',
    'how.multipart': 'một lần',
    'wrong.password': 'mật khẩu',
    'wrong.code': 'mã',
    'is.true': 'có',
    'is.false': 'không',
    'is.null': 'không có',
  },
} as const;

const sayValue = knownOf(VALUES);

const saidOf =
  <Name extends string>(names: readonly Name[], say: (name: Name) => string) =>
  (value: string): string | null => {
    const name = names.find((one) => one === value);
    return name === undefined ? null : say(name);
  };

/** Values that other pages say too, in the same words. */
const SAID: Record<string, (value: string) => string | null> = {
  role: saidOf(['viewer', 'operator', 'admin', 'analyser'], sayPart),
  status: saidOf(['online', 'offline', 'unauthorised', 'no_video', 'unknown'], sayPart),
  content: saidOf(KINDS, sayForm),
};

/** A value of this name in words; null for one that is none of the fixed ones, so what somebody wrote. */
export function valueWord(name: string, value: unknown): string | null {
  if (value === null || typeof value === 'boolean') return sayValue(`is.${value}`);
  if (typeof value !== 'string') return null;
  return SAID[name]?.(value) ?? sayValue(`${name}.${value}`);
}
