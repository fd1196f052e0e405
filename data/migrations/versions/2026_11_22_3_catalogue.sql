INSERT INTO area_level (level, rank, name_zh, name_en, fills) VALUES
    ('district', 10, '区', 'district', true),
    ('street', 20, '街道', 'street', true),
    ('community', 30, '社区', 'community', true),
    ('section', 35, '片区', 'section', true),
    ('grid', 40, '网格', 'grid', true),
    ('building', 50, '楼栋', 'building', false);

-- `digits`: how long a code is, in all, down to each level. Schemes differ between places and years, so they are rows.
-- `confidence` says how well the source was read, not how good the scheme is.
INSERT INTO area_scheme (code, name, digits, source, confidence) VALUES
    ('cn-stat', '统计用区划代码 6+3+3，网格 3 位', '{"district": 6, "street": 9, "community": 12, "grid": 15}',
     'national statistical division code, 2+2+2+3+3 digits; the grid part is our own continuation', 'high'),
    ('bj-db11', '北京市单元网格 6+3+3+3', '{"district": 6, "street": 9, "community": 12, "grid": 15}',
     'Beijing local standard for unit grids, text read; its number DB11/T 310 not checked', 'high'),
    ('cj-349', '数字社区专业网格 6+6+3+3+2', '{"district": 12, "street": 15, "community": 18, "grid": 20}',
     'CJ/T 349-2010: 20 digits; positions 1-6 name the managed object, the rest is partly inferred from a figure', 'medium'),
    ('cj-213', '单元网格 6+3+3+2', '{"district": 6, "street": 9, "community": 12, "grid": 14}',
     'CJ/T 213-2005, known from memory only: the clause was not read', 'low'),
    ('gb-30428', '单元网格 6+3+3+3', '{"district": 6, "street": 9, "community": 12, "grid": 15}',
     'GB/T 30428.1-2013, known from memory only: the clause was not read', 'low'),
    ('free', '无固定位数（上级代码须写明）', '{}', 'codes of any form; the parent must be given', 'high');

-- The walking circle asks for what an elder walks to by herself, daily or weekly. A family centre is set up one to a
-- street and works by visits and appointments, and nobody walks daily to a care home: both are shown, neither required.
-- No radius: no clause with one has been read yet, and an unread one must not be printed.
INSERT INTO facility_kind (code, position, name_zh, name_en, required) VALUES
    ('canteen', 1, '长者饭堂', 'canteen for elders', true),
    ('day_care', 2, '日间托老', 'day care', true),
    ('clinic', 3, '社区卫生服务机构', 'community clinic', true),
    ('activity', 4, '活动场所', 'activity place', true),
    ('family_centre', 5, '家庭综合服务中心', 'family service centre', false),
    ('care_home', 6, '养老机构', 'care home', false);
