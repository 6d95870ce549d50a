import type { Template } from '../template.ts';
import { holderJoins } from './bpf-holder.ts';

/** MAX_USED_MAPS of include/linux/bpf.h. */
const MAX_USED_MAPS = 64;

/** Of each map that a program uses its address, or a member. */
const used = (...member: string[]) =>
  `each(${['prog->aux->used_maps', 'prog->aux->used_map_cnt', MAX_USED_MAPS, ...member].join(', ')})`;

export const progMaps: Template = {
  name: 'prog_maps',
  area: 'BPF',
  help: 'which BPF program uses which map',
  target: 'bpf_prog',
  key: ['prog', 'loaded_ns', 'map'],
  show: [
    'prog_id',
    'prog_name',
    'map_id',
    'map_type',
    'map_name',
    'entries',
    'max_entries',
    'prog_type',
    'pid',
    'command',
  ],
  sort: 'prog_id,map_id',
  aliases: ['used_maps'],
  finds: ['prog_id', 'prog_name', 'map_name'],
  label: ['prog_id', 'prog_name', 'map_id', 'map_name'],
  elements: 'map_id',
  related: [
    { word: 'map', template: 'bpf_map', where: 'map == $map' },
    { word: 'program', template: 'bpf_prog', where: 'id == $prog_id' },
    { word: 'programs of the map', template: 'prog_maps', where: 'map == $map' },
    { word: 'maps of the program', template: 'prog_maps', where: 'prog == $prog' },
    { word: 'process', template: 'task', filters: { pid: 'pid' } },
  ],
  joins: { ...holderJoins('prog'), used: { template: 'bpf_map', on: ['map', 'map'] } },
  filters: {
    pid: { through: { join: 'holder', source: 'prog' } },
    user: { any: ['prog->aux->user->uid.val'] },
  },
  columns: [
    { name: 'prog', from: 'prog', as: 'hex', width: 18, help: 'address of struct bpf_prog' },
    { name: 'loaded_ns', from: 'prog->aux->load_time', as: 'ns', help: 'loading of the program, ns since boot' },
    {
      name: 'map',
      from: used(),
      as: 'hex',
      width: 18,
      help: 'address of struct bpf_map',
    },
    { name: 'prog_id', title: 'PROG', from: 'prog->aux->id', as: 'int', width: 6, help: 'program id' },
    {
      name: 'prog_type',
      from: 'prog->type',
      as: 'enum',
      names: 'bpf_prog_type',
      width: 14,
      help: 'program type (BPF_PROG_TYPE_...)',
    },
    {
      name: 'prog_name',
      title: 'PROGRAM',
      from: 'prog->aux->name',
      as: 'text',
      width: 15,
      help: 'name of the program',
    },
    {
      name: 'maps',
      from: 'prog->aux->used_map_cnt',
      as: 'int',
      width: 4,
      help: 'maps that the program uses, each of which is a row',
    },
    { name: 'map_id', title: 'MAP', from: used('id'), as: 'int', width: 6, help: 'map id' },
    {
      name: 'map_type',
      from: used('map_type'),
      as: 'enum',
      names: 'bpf_map_type',
      width: 12,
      help: 'map type (BPF_MAP_TYPE_...)',
    },
    { name: 'map_name', from: used('name'), as: 'text', width: 15, help: 'name of the map' },
    { name: 'key_size', title: 'KEY', from: used('key_size'), as: 'int', width: 4, help: 'bytes of a key' },
    { name: 'value_size', title: 'VALUE', from: used('value_size'), as: 'int', width: 5, help: 'bytes of a value' },
    {
      name: 'max_entries',
      title: 'MAX',
      from: used('max_entries'),
      as: 'int',
      width: 8,
      help: 'entries that the map can hold; for ring buffers its size in bytes',
    },
    {
      name: 'entries',
      join: 'used.entries',
      as: 'int',
      width: 8,
      help: 'entries now; hash maps only, and since Linux 6.6: other maps are not counted by the kernel',
    },
    { name: 'frozen', from: used('frozen'), as: 'flag', width: 6, help: 'user space may no longer write to the map' },
    { name: 'user', from: 'prog->aux->user->uid.val', as: 'uid', width: 8, help: 'user who loaded the program' },
    { name: 'pid', join: 'holder.pid', as: 'int', width: 7, help: 'first process with a descriptor of the program' },
    { name: 'command', join: 'holder.comm', as: 'text', width: 15, help: 'name of that process' },
    {
      name: 'held_by',
      join: 'everyone.holder',
      list: true,
      as: 'text',
      width: 24,
      help: 'all processes with a descriptor of the program, as PID/name, whatever is filtered by',
    },
  ],
};
