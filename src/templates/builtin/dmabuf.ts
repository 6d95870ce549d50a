import type { Template } from '../template.ts';

export const dmabuf: Template = {
  name: 'dmabuf',
  area: 'kernel',
  help: 'DMA buffers shared between devices: size, exporter, name, references',
  target: 'dmabuf',
  key: ['inode', 'buffer'],
  show: ['inode', 'size', 'exporter', 'name', 'refs'],
  sort: '-size',
  finds: ['inode', 'name'],
  label: ['inode', 'name'],
  // The magic is that of the file system that only has such buffers (include/uapi/linux/magic.h).
  related: [{ word: 'holders', template: 'task_file', where: 'inode == $inode && magic == 0x444d4142' }],
  columns: [
    { name: 'buffer', from: 'dmabuf', as: 'hex', width: 18, help: 'address of struct dma_buf' },
    {
      name: 'inode',
      from: 'dmabuf->file->f_inode->i_ino',
      as: 'int',
      width: 9,
      help: 'inode number, as /proc/PID/fd shows it',
    },
    { name: 'size', from: 'dmabuf->size', as: 'bytes', width: 6, help: 'size' },
    { name: 'exporter', from: 'dmabuf->exp_name', as: 'text', width: 16, help: 'driver that gave it out' },
    {
      name: 'name',
      from: 'dmabuf->name',
      as: 'text',
      width: 20,
      help: 'name that user space gave it (DMA_BUF_SET_NAME)',
    },
    {
      name: 'refs',
      from: ['dmabuf->file->f_ref.refcnt.counter', 'dmabuf->file->f_count.counter'],
      as: 'int',
      width: 4,
      help: 'references to its file; since Linux 6.13 one less than their number',
    },
    {
      name: 'kernel_maps',
      title: 'VMAPS',
      from: 'dmabuf->vmapping_counter',
      as: 'int',
      width: 5,
      help: 'mappings into kernel memory',
    },
  ],
};
