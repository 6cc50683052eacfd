import { defineWords } from '../words';

/** The words of the dialog that asks as what a clip is downloaded. */
export const say = defineWords({
  en: {
    title: 'Download',
    hint: 'Each camera becomes a file of its own. What is being recorded at this moment is not in the ZIP archives.',
    legend: 'What to download',
    mp4: 'MP4',
    mp4About: 'The film alone, cut to the frame and without the gaps.',
    film: 'MP4 with manifest (ZIP)',
    filmAbout:
      'The same film with a signed list, by which anybody can check offline what it shows, what is missing and what it was cut from.',
    files: 'Evidence (ZIP)',
    filesAbout:
      'The recorded files themselves, whole and untouched, with a signed list: larger, and the strongest proof.',
    measuring: 'asking for its size…',
    nothingClosed: 'no finished recording yet',
    act: 'Download',
  },
  ru: {
    title: 'Скачать',
    hint: 'Для каждой камеры создаётся отдельный файл. То, что записывается в этот момент, в архивы ZIP не входит.',
    legend: 'Что скачать',
    mp4: 'MP4',
    mp4About: 'Только видео: вырезано с точностью до кадра, без пропусков.',
    film: 'MP4 с описью (ZIP)',
    filmAbout:
      'То же видео с подписанной описью, по которой любой без сети проверит, что на нём, чего не хватает и из чего оно вырезано.',
    files: 'Доказательство (ZIP)',
    filesAbout:
      'Сами записанные файлы, целиком и без изменений, с подписанной описью: объём больше, зато это самое сильное доказательство.',
    measuring: 'размер уточняется…',
    nothingClosed: 'законченных записей пока нет',
    act: 'Скачать',
  },
  vi: {
    title: 'Tải xuống',
    hint: 'Mỗi camera là một tệp riêng. Phần đang được ghi lúc này không có trong các tệp ZIP.',
    legend: 'Tải xuống dưới dạng nào',
    mp4: 'MP4',
    mp4About: 'Chỉ có đoạn phim, cắt chính xác đến từng khung hình và bỏ các khoảng trống.',
    film: 'MP4 kèm bản kê (ZIP)',
    filmAbout:
      'Cùng đoạn phim đó kèm bản kê có chữ ký số, nhờ đó ai cũng kiểm tra được ngoại tuyến: phim có gì, thiếu gì và được cắt từ đâu.',
    files: 'Bằng chứng (ZIP)',
    filesAbout:
      'Chính các tệp đã ghi, nguyên vẹn và không thay đổi, kèm bản kê có chữ ký số: lớn hơn, nhưng là bằng chứng mạnh nhất.',
    measuring: 'đang hỏi kích thước…',
    nothingClosed: 'chưa có bản ghi nào hoàn tất',
    act: 'Tải xuống',
  },
});
