-- The operational database of TerrificTotes: 11 tables. Times are UTC.

create table department (
    department_id integer primary key,
    department_name character varying not null,
    location character varying,
    manager character varying,
    created_at timestamp without time zone not null,
    last_updated timestamp without time zone not null
);

create table staff (
    staff_id integer primary key,
    first_name character varying not null,
    last_name character varying not null,
    department_id integer not null,
    email_address character varying not null,
    created_at timestamp without time zone not null,
    last_updated timestamp without time zone not null
);

create table address (
    address_id integer primary key,
    address_line_1 character varying not null,
    address_line_2 character varying,
    district character varying,
    city character varying not null,
    postal_code character varying not null,
    country character varying not null,
    phone character varying not null,
    created_at timestamp without time zone not null,
    last_updated timestamp without time zone not null
);

create table counterparty (
    counterparty_id integer primary key,
    counterparty_legal_name character varying not null,
    legal_address_id integer not null,
    commercial_contact character varying,
    delivery_contact character varying,
    created_at timestamp without time zone not null,
    last_updated timestamp without time zone not null
);

create table currency (
    currency_id integer primary key,
    currency_code character varying(3) not null,
    created_at timestamp without time zone not null,
    last_updated timestamp without time zone not null
);

create table payment_type (
    payment_type_id integer primary key,
    payment_type_name character varying not null,
    created_at timestamp without time zone not null,
    last_updated timestamp without time zone not null
);

create table design (
    design_id integer primary key,
    created_at timestamp without time zone not null,
    last_updated timestamp without time zone not null,
    design_name character varying not null,
    file_location character varying not null,
    file_name character varying not null
);

create table sales_order (
    sales_order_id integer primary key,
    created_at timestamp without time zone not null,
    last_updated timestamp without time zone not null,
    design_id integer not null,
    staff_id integer not null,
    counterparty_id integer not null,
    units_sold integer not null,
    unit_price numeric not null,
    currency_id integer not null,
    agreed_delivery_date character varying not null,
    agreed_payment_date character varying not null,
    agreed_delivery_location_id integer not null
);

create table purchase_order (
    purchase_order_id integer primary key,
    created_at timestamp without time zone not null,
    last_updated timestamp without time zone not null,
    staff_id integer not null,
    counterparty_id integer not null,
    item_code character varying not null,
    item_quantity integer not null,
    item_unit_price numeric not null,
    currency_id integer not null,
    agreed_delivery_date character varying not null,
    agreed_payment_date character varying not null,
    agreed_delivery_location_id integer not null
);

create table transaction (
    transaction_id integer primary key,
    transaction_type character varying not null,
    sales_order_id integer,
    purchase_order_id integer,
    created_at timestamp without time zone not null,
    last_updated timestamp without time zone not null
);

create table payment (
    payment_id integer primary key,
    created_at timestamp without time zone not null,
    last_updated timestamp without time zone not null,
    transaction_id integer not null,
    counterparty_id integer not null,
    payment_amount numeric not null,
    currency_id integer not null,
    payment_type_id integer not null,
    paid boolean not null,
    payment_date character varying not null,
    company_ac_number integer not null,
    counterparty_ac_number integer not null
);

-- Foreign keys: last, so that tables that are filled before are checked once, not row by row.

alter table staff
    add foreign key (department_id) references department;

alter table counterparty
    add foreign key (legal_address_id) references address;

alter table sales_order
    add foreign key (design_id) references design,
    add foreign key (staff_id) references staff,
    add foreign key (counterparty_id) references counterparty,
    add foreign key (currency_id) references currency,
    add foreign key (agreed_delivery_location_id) references address;

alter table purchase_order
    add foreign key (staff_id) references staff,
    add foreign key (counterparty_id) references counterparty,
    add foreign key (currency_id) references currency,
    add foreign key (agreed_delivery_location_id) references address;

alter table transaction
    add foreign key (sales_order_id) references sales_order,
    add foreign key (purchase_order_id) references purchase_order;

alter table payment
    add foreign key (transaction_id) references transaction,
    add foreign key (counterparty_id) references counterparty,
    add foreign key (currency_id) references currency,
    add foreign key (payment_type_id) references payment_type;
