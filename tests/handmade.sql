-- A small totesys made by hand: columns in another order than the contracts', gaps in the ids, rows
-- not in key order, text with apostrophes, commas and letters beyond ASCII, NULL beside ''.

create table department (
    last_updated timestamp not null, department_name varchar not null, location varchar,
    manager varchar, created_at timestamp not null, department_id int primary key
);
create table staff (
    first_name varchar not null, staff_id int primary key, last_name varchar not null,
    email_address varchar not null, created_at timestamp not null, last_updated timestamp not null,
    department_id int not null
);
create table address (
    phone varchar not null, address_id int primary key, address_line_1 varchar not null,
    address_line_2 varchar, district varchar, postal_code varchar not null, city varchar not null,
    country varchar not null, created_at timestamp not null, last_updated timestamp not null
);
create table counterparty (
    counterparty_id int primary key, legal_address_id int not null,
    counterparty_legal_name varchar not null, commercial_contact varchar, delivery_contact varchar,
    created_at timestamp not null, last_updated timestamp not null
);
create table currency (
    currency_code varchar(3) not null, currency_id int primary key,
    created_at timestamp not null, last_updated timestamp not null
);
create table design (
    design_id int primary key, design_name varchar not null, file_name varchar not null,
    file_location varchar not null, last_updated timestamp not null, created_at timestamp not null
);
create table sales_order (
    agreed_payment_date varchar not null, sales_order_id int primary key,
    last_updated timestamp not null, created_at timestamp not null, unit_price numeric not null,
    design_id int not null, staff_id int not null, counterparty_id int not null,
    units_sold int not null, currency_id int not null, agreed_delivery_date varchar not null,
    agreed_delivery_location_id int not null
);
create table purchase_order (
    purchase_order_id int primary key, item_unit_price numeric not null, item_quantity int not null,
    created_at timestamp not null, last_updated timestamp not null, staff_id int not null,
    counterparty_id int not null, item_code varchar not null, currency_id int not null,
    agreed_delivery_date varchar not null, agreed_payment_date varchar not null,
    agreed_delivery_location_id int not null
);
create table transaction (
    transaction_type varchar not null, transaction_id int primary key, sales_order_id int,
    purchase_order_id int, created_at timestamp not null, last_updated timestamp not null
);
create table payment_type (
    payment_type_name varchar not null, payment_type_id int primary key,
    created_at timestamp not null, last_updated timestamp not null
);
create table payment (
    paid boolean not null, payment_id int primary key, payment_date varchar not null,
    created_at timestamp not null, last_updated timestamp not null, transaction_id int not null,
    counterparty_id int not null, payment_amount numeric not null, currency_id int not null,
    payment_type_id int not null, company_ac_number int not null,
    counterparty_ac_number int not null
);

insert into department (department_id, department_name, location, manager, created_at, last_updated)
values
    (1, 'Sales', 'Manchester', 'Zoë O''Brien', '2023-01-01 09:00', '2023-01-01 09:00'),
    (4, 'Purchasing', null, null, '2023-01-01 09:00', '2023-01-01 09:00');
insert into staff
    (staff_id, first_name, last_name, department_id, email_address, created_at, last_updated)
values
    (11, 'Jérémie', 'Müller', 1, 'j.mueller@terrifictotes.example', '2023-01-02', '2023-01-02'),
    (3, 'Oluwaseun', 'D''Arcy', 4, 'o.darcy@terrifictotes.example', '2023-01-02', '2023-01-02'),
    (7, '张', '伟', 1, 'w.zhang@terrifictotes.example', '2023-01-02', '2023-01-02');
insert into address (
    address_id, address_line_1, address_line_2, district, city, postal_code, country, phone,
    created_at, last_updated
) values
    (30, '6826 Herzog Via', null, 'Avon', 'New Patienceburgh', '28441', 'Turkey', '1803 637401',
     '2023-01-03 10:00:00.001', '2023-01-03 10:00:00.001'),
    (2, 'Łódzka 12, m. 4', '', null, 'Kraków', '30-001', 'Poland', '+48 12 000 00 00',
     '2023-01-03 10:00:00.002', '2023-01-03 10:00:00.002'),
    (9, '"The Old Mill"', 'Floor 2', 'Kent', 'Çanakkale', 'ME1 1AA', 'Türkiye', '01634 000000',
     '2023-01-03 10:00:00.003', '2023-01-03 10:00:00.003');
insert into counterparty (
    counterparty_id, counterparty_legal_name, legal_address_id, commercial_contact,
    delivery_contact, created_at, last_updated
) values
    (5, 'Fahey, Bauch & Søn', 30, 'Micheal Toy', null, '2023-01-04', '2023-01-04'),
    (1, 'Đặng''s Totes', 2, null, '', '2023-01-04', '2023-01-04'),
    (8, 'Ünal Ltd', 9, 'A', 'B', '2023-01-04', '2023-01-04');
insert into currency (currency_id, currency_code, created_at, last_updated) values
    (3, 'EUR', '2023-01-05', '2023-01-05'), (1, 'GBP', '2023-01-05', '2023-01-05'),
    (2, 'USD', '2023-01-05', '2023-01-05');
insert into design
    (design_id, design_name, file_location, file_name, created_at, last_updated)
values
    (472, 'Wooden', '/usr/share', 'wooden-20220717-npgz.json', '2023-01-06', '2023-01-06'),
    (8, 'Ébène; "noir"', '/usr', 'ebene,noir.json', '2023-01-06', '2023-01-06');
insert into sales_order (
    sales_order_id, created_at, last_updated, design_id, staff_id, counterparty_id, units_sold,
    unit_price, currency_id, agreed_delivery_date, agreed_payment_date, agreed_delivery_location_id
) values
    (14, '2023-03-01 14:20:52.187', '2023-03-01 14:20:52.187', 472, 11, 5, 42972, 3.94, 2,
     '2023-03-07', '2023-03-08', 30),
    (2, '2023-03-02 09:00:00.000', '2023-03-02 09:00:00.000', 8, 7, 1, 1001, 2.00, 3,
     '2024-02-29', '2022-12-31', 2),
    (90, '2023-02-28 23:59:59.999', '2023-03-03 00:00:00.001', 8, 3, 8, 99973, 4.00, 1,
     '2023-03-09', '2023-03-10', 9),
    (91, '2023-03-04 08:30:00.120', '2023-03-04 08:30:00.120', 472, 11, 1, 5000, 2.5, 2,
     '2023-03-11', '2023-03-12', 2);
insert into purchase_order (
    purchase_order_id, created_at, last_updated, staff_id, counterparty_id, item_code,
    item_quantity, item_unit_price, currency_id, agreed_delivery_date, agreed_payment_date,
    agreed_delivery_location_id
) values
    (6, '2023-03-01 10:00:00.5', '2023-03-01 10:00:00.5', 3, 1, 'ZDOI5EA', 371, 361.39, 2,
     '2023-03-09', '2023-03-07', 9),
    (1, '2023-03-02 11:00:00', '2023-03-02 11:00:00', 3, 8, 'Ø-17,"x"', 286, 199.04, 1,
     '2023-03-20', '2023-03-25', 30);
insert into transaction (
    transaction_id, transaction_type, sales_order_id, purchase_order_id, created_at, last_updated
) values
    (20, 'SALE', 14, null, '2023-03-01 14:20:52.187', '2023-03-01 14:20:52.187'),
    (4, 'SALE', 2, null, '2023-03-02 09:00:00', '2023-03-02 09:00:00'),
    (5, 'SALE', 90, null, '2023-02-28 23:59:59.999', '2023-02-28 23:59:59.999'),
    (31, 'SALE', 91, null, '2023-03-04 08:30:00.120', '2023-03-04 08:30:00.120'),
    (7, 'PURCHASE', null, 6, '2023-03-01 10:00:00.5', '2023-03-01 10:00:00.5'),
    (8, 'PURCHASE', null, 1, '2023-03-02 11:00:00', '2023-03-02 11:00:00');
insert into payment_type (payment_type_id, payment_type_name, created_at, last_updated) values
    (1, 'SALES_RECEIPT', '2023-01-01', '2023-01-01'),
    (2, 'SALES_REFUND', '2023-01-01', '2023-01-01'),
    (3, 'PURCHASE_PAYMENT', '2023-01-01', '2023-01-01'),
    (4, 'PURCHASE_REFUND', '2023-01-01', '2023-01-01');
insert into payment (
    payment_id, created_at, last_updated, transaction_id, counterparty_id, payment_amount,
    currency_id, payment_type_id, paid, payment_date, company_ac_number, counterparty_ac_number
) values
    (20, '2023-03-01 14:20:52.187', '2023-03-08 10:00:00', 20, 5, 169309.68, 2, 1, true,
     '2023-03-08', 67305075, 31622269),
    (4, '2023-03-02 09:00:00', '2023-03-02 09:00:00', 4, 1, 2002.00, 3, 1, false,
     '2022-12-31', 81718079, 47839086),
    (5, '2023-02-28 23:59:59.999', '2023-02-28 23:59:59.999', 5, 8, 399892.00, 1, 1, false,
     '2023-03-10', 66213052, 91659548),
    (31, '2023-03-04 08:30:00.120', '2023-03-04 08:30:00.120', 31, 1, 12500, 2, 1, false,
     '2023-03-12', 32948439, 90135525),
    (7, '2023-03-01 10:00:00.5', '2023-03-01 10:00:00.5', 7, 1, 134075.69, 2, 3, false,
     '2023-03-07', 34445327, 71673373),
    (8, '2023-03-02 11:00:00', '2023-03-02 11:00:00', 8, 8, 56925.44, 1, 3, false,
     '2023-03-25', 24324243, 56787898);
