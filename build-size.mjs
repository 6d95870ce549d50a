export default () => ({ columns: 80, rows: 24 });
